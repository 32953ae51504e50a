import { api } from '../protocol/api.ts'
import { int16, int32, int64, string } from '../protocol/schema.ts'

/** Adds a group's offsets partition to a transaction (KIP-98). */
export const AddOffsetsToTxn = api(
  { key: 25, name: 'AddOffsetsToTxn', versions: [0, 4], flexible: 3, listeners: ['broker'] },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    groupId: string,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
  },
)
