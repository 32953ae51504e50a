import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int16,
  int32,
  int64,
  since,
  string,
  until,
} from '../protocol/schema.ts'

const addPartitionsToTxnTopic = { name: string, partitions: array(int32) }

const addPartitionsToTxnPartitionResult = { partitionIndex: int32, partitionErrorCode: int16 }

const addPartitionsToTxnTopicResult = {
  name: string,
  resultsByPartition: array(addPartitionsToTxnPartitionResult),
}

/** Adds partitions to transactions; brokers use it to verify them (KIP-98, KIP-890). */
export const AddPartitionsToTxn = api(
  { key: 24, name: 'AddPartitionsToTxn', versions: [0, 5], flexible: 3, listeners: ['broker'] },
  {
    transactions: since(
      4,
      array({
        transactionalId: string,
        producerId: int64,
        producerEpoch: int16,
        verifyOnly: boolean,
        topics: array(addPartitionsToTxnTopic),
      }),
    ),
    v3AndBelowTransactionalId: until(3, string),
    v3AndBelowProducerId: until(3, int64),
    v3AndBelowProducerEpoch: until(3, int16),
    v3AndBelowTopics: until(3, array(addPartitionsToTxnTopic)),
  },
  {
    throttleTimeMs: int32,
    errorCode: ignorable(since(4, int16)),
    resultsByTransaction: since(
      4,
      array({
        transactionalId: string,
        topicResults: array(addPartitionsToTxnTopicResult),
      }),
    ),
    resultsByTopicV3AndBelow: until(3, array(addPartitionsToTxnTopicResult)),
  },
)
