import { api } from '../protocol/api.ts'
import { array, int8, int16, int32, int64, nullable, string, uuid } from '../protocol/schema.ts'

/** A share partition's leader reads its state from the share coordinator (KIP-932). */
export const ReadShareGroupState = api(
  { key: 84, name: 'ReadShareGroupState', versions: [0, 0], flexible: 0, listeners: ['broker'] },
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
        startOffset: int64,
        stateBatches: array({
          firstOffset: int64,
          lastOffset: int64,
          deliveryState: int8,
          deliveryCount: int16,
        }),
      }),
    }),
  },
)
