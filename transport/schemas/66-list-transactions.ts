import { api } from '../protocol/api.ts'
import { array, int16, int32, int64, millis, nullable, since, string } from '../protocol/schema.ts'

/** Lists the transactions that a broker coordinates (KIP-664, KIP-994). */
export const ListTransactions = api(
  { key: 66, name: 'ListTransactions', versions: [0, 2], flexible: 0, listeners: ['broker'] },
  {
    stateFilters: array(string),
    producerIdFilters: array(int64),
    durationFilter: since(1, millis, -1),
    transactionalIdPattern: since(2, nullable(string), null),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    unknownStateFilters: array(string),
    transactionStates: array({
      transactionalId: string,
      producerId: int64,
      transactionState: string,
    }),
  },
)
