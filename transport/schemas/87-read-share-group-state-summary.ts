import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  uuid,
} from '../protocol/schema.ts'

/** The group coordinator reads start offsets of share partitions (KIP-932). */
export const ReadShareGroupStateSummary = api(
  {
    key: 87,
    name: 'ReadShareGroupStateSummary',
    versions: [0, 1],
    flexible: 0,
    listeners: ['broker'],
  },
  {
    groupId: string,
    topics: array({
      topicId: uuid,
      partitions: array({ partition: int32, leaderEpoch: int32 }),
    }),
  },
  {
    results: array({
      topicId: uuid,
      partitions: array({
        partition: int32,
        errorCode: int16,
        errorMessage: nullable(string),
        stateEpoch: int32,
        leaderEpoch: int32,
        startOffset: int64,
        deliveryCompleteCount: ignorable(since(1, int32, -1)),
      }),
    }),
  },
)
