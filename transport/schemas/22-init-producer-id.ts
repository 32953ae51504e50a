import { api } from '../protocol/api.ts'
import { boolean, int16, int32, int64, nullable, since, string } from '../protocol/schema.ts'

/**
 * Gives a producer its id and epoch, and ends what an older incarnation left open (KIP-98,
 * KIP-360).
 */
export const InitProducerId = api(
  {
    key: 22,
    name: 'InitProducerId',
    versions: [0, 6],
    flexible: 2,
    unstable: true,
    listeners: ['broker'],
  },
  {
    transactionalId: nullable(string),
    transactionTimeoutMs: int32,
    producerId: since(3, int64, -1),
    producerEpoch: since(3, int16, -1),
    enable2Pc: since(6, boolean),
    keepPreparedTxn: since(6, boolean),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    producerId: int64,
    producerEpoch: int16,
    ongoingTxnProducerId: since(6, int64, -1),
    ongoingTxnProducerEpoch: since(6, int16, -1),
  },
)
