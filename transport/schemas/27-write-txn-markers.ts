import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  since,
  string,
} from '../protocol/schema.ts'

/**
 * The transaction coordinator has partition leaders write the outcome of transactions (KIP-98).
 */
export const WriteTxnMarkers = api(
  { key: 27, name: 'WriteTxnMarkers', versions: [1, 2], flexible: 1, listeners: ['broker'] },
  {
    markers: array({
      producerId: int64,
      producerEpoch: int16,
      transactionResult: boolean,
      topics: array({ name: string, partitionIndexes: array(int32) }),
      coordinatorEpoch: int32,
      transactionVersion: ignorable(since(2, int8)),
    }),
  },
  {
    markers: array({
      producerId: int64,
      topics: array({
        name: string,
        partitions: array({ partitionIndex: int32, errorCode: int16 }),
      }),
    }),
  },
)
