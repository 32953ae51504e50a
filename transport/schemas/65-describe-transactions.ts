import { api } from '../protocol/api.ts'
import { array, int16, int32, int64, millis, string } from '../protocol/schema.ts'

/** Shows the state of transactions by transactional id (KIP-664). */
export const DescribeTransactions = api(
  { key: 65, name: 'DescribeTransactions', versions: [0, 0], flexible: 0, listeners: ['broker'] },
  {
    transactionalIds: array(string),
  },
  {
    throttleTimeMs: int32,
    transactionStates: array({
      errorCode: int16,
      transactionalId: string,
      transactionState: string,
      transactionTimeoutMs: int32,
      transactionStartTimeMs: millis,
      producerId: int64,
      producerEpoch: int16,
      topics: array({ topic: string, partitions: array(int32) }),
    }),
  },
)
