import { api } from '../protocol/api.ts'
import { array, int16, int32, int64, nullable, string, uuid } from '../protocol/schema.ts'

/** Moves where an empty share group starts to read (KIP-932). */
export const AlterShareGroupOffsets = api(
  { key: 91, name: 'AlterShareGroupOffsets', versions: [0, 0], flexible: 0, listeners: ['broker'] },
  {
    groupId: string,
    topics: array({
      topicName: string,
      partitions: array({ partitionIndex: int32, startOffset: int64 }),
    }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    responses: array({
      topicName: string,
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    }),
  },
)
