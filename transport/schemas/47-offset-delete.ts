import { api } from '../protocol/api.ts'
import { array, int16, int32, string } from '../protocol/schema.ts'

/** Deletes committed offsets of partitions that a group no longer reads (KIP-496). */
export const OffsetDelete = api(
  { key: 47, name: 'OffsetDelete', versions: [0, 0], listeners: ['broker'] },
  {
    groupId: string,
    topics: array({ name: string, partitions: array({ partitionIndex: int32 }) }),
  },
  {
    errorCode: int16,
    throttleTimeMs: int32,
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
)
