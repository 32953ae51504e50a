/**
 * What `__transaction_state` holds (KIP-98). An int16 leads both: in the key it is the type, in
 * the value the version.
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  int8,
  int16,
  int32,
  int64,
  millis,
  nullable,
  since,
  string,
  tagged,
} from '../../protocol/schema.ts'

/** Key of a transactional id. */
export const TransactionLogKey = record(
  { name: 'TransactionLogKey', key: 0, versions: [0, 0] },
  { transactionalId: string },
)

/** Where the transaction of a transactional id stands, and which partitions are in it. */
export const TransactionLogValue = record(
  { name: 'TransactionLogValue', key: 0, versions: [0, 1], flexible: 1 },
  {
    producerId: int64,
    previousProducerId: since(1, tagged(0, int64), -1),
    nextProducerId: since(1, tagged(1, int64), -1),
    producerEpoch: int16,
    nextProducerEpoch: since(1, tagged(3, int16), -1),
    transactionTimeoutMs: int32,
    transactionStatus: int8,
    transactionPartitions: nullable(array({ topic: string, partitionIds: array(int32) })),
    transactionLastUpdateTimestampMs: millis,
    transactionStartTimestampMs: millis,
    clientTransactionVersion: since(1, tagged(2, int16)),
  },
)
