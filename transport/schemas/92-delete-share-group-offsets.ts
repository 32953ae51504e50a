import { api } from '../protocol/api.ts'
import { array, int16, int32, nullable, string, uuid } from '../protocol/schema.ts'

/** Deletes a share group's offsets of topics (KIP-932). */
export const DeleteShareGroupOffsets = api(
  {
    key: 92,
    name: 'DeleteShareGroupOffsets',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker'],
  },
  {
    groupId: string,
    topics: array({ topicName: string }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    responses: array({
      topicName: string,
      topicId: uuid,
      errorCode: int16,
      errorMessage: nullable(string),
    }),
  },
)
