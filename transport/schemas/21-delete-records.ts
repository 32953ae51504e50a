import { api } from '../protocol/api.ts'
import { array, int16, int32, int64, string } from '../protocol/schema.ts'

/** Moves the start of partitions' logs forward (KIP-107). */
export const DeleteRecords = api(
  { key: 21, name: 'DeleteRecords', versions: [0, 2], flexible: 2, listeners: ['broker'] },
  {
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, offset: int64 }),
    }),
    timeoutMs: int32,
  },
  {
    throttleTimeMs: int32,
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, lowWatermark: int64, errorCode: int16 }),
    }),
  },
)
