import { api } from '../protocol/api.ts'
import { array, int16, int32, int64, nullable, string, uuid } from '../protocol/schema.ts'

/**
 * The group coordinator has the share coordinator prepare the state of share partitions
 * (KIP-932).
 */
export const InitializeShareGroupState = api(
  {
    key: 83,
    name: 'InitializeShareGroupState',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker'],
  },
  {
    groupId: string,
    topics: array({
      topicId: uuid,
      partitions: array({ partition: int32, stateEpoch: int32, startOffset: int64 }),
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
