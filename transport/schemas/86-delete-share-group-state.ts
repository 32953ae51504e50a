import { api } from '../protocol/api.ts'
import { array, int16, int32, nullable, string, uuid } from '../protocol/schema.ts'

/** The group coordinator has the share coordinator forget share partitions (KIP-932). */
export const DeleteShareGroupState = api(
  { key: 86, name: 'DeleteShareGroupState', versions: [0, 0], flexible: 0, listeners: ['broker'] },
  {
    groupId: string,
    topics: array({ topicId: uuid, partitions: array({ partition: int32 }) }),
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
