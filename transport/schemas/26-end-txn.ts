import { api } from '../protocol/api.ts'
import { boolean, ignorable, int16, int32, int64, since, string } from '../protocol/schema.ts'

/** Commits or aborts a transaction (KIP-98, KIP-890). */
export const EndTxn = api(
  { key: 26, name: 'EndTxn', versions: [0, 5], flexible: 3, listeners: ['broker'] },
  {
    transactionalId: string,
    producerId: int64,
    producerEpoch: int16,
    committed: boolean,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: ignorable(since(5, int64, -1)),
    producerEpoch: ignorable(since(5, int16, -1)),
  },
)
