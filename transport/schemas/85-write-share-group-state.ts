import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  uuid,
} from '../protocol/schema.ts'

/** A share partition's leader stores its state at the share coordinator (KIP-932). */
export const WriteShareGroupState = api(
  { key: 85, name: 'WriteShareGroupState', versions: [0, 1], flexible: 0, listeners: ['broker'] },
  {
    groupId: string,
    topics: array({
      topicId: uuid,
      partitions: array({
        partition: int32,
        stateEpoch: int32,
        leaderEpoch: int32,
        startOffset: int64,
        deliveryCompleteCount: ignorable(since(1, int32, -1)),
        stateBatches: array({
          firstOffset: int64,
          lastOffset: int64,
          deliveryState: int8,
          deliveryCount: int16,
        }),
      }),
    }),
  },
  {
    results: array({
      topicId: uuid,
      partitions: array({
        partition: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    }),
  },
)
