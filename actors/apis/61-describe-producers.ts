/** DescribeProducers v0: producers that the leader of a partition remembers (KIP-664). */
import type { Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { DescribeProducers } from '../../transport/schemas/61-describe-producers.ts'
import type { DataBroker } from '../broker/types.ts'
import { checkLeaderEpoch } from '../replica/read.ts'
import { handler } from './handler.ts'
import { locate } from './located.ts'
import { isValidTopicName } from './topic-metadata.ts'

type Told = Response<typeof DescribeProducers>['topics'][number]['partitions'][number]

export const describeProducers = handler<typeof DescribeProducers, DataBroker>(
  DescribeProducers,
  [0, 0],
  ({ topics }, _, host) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => producersOf(host, name, index)),
    })),
  }),
  ({ topics }, error, message) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((index) => refusal(index, error, message)),
    })),
  }),
)

function producersOf(host: DataBroker, name: string, partitionIndex: number): Told {
  if (!isValidTopicName(name)) return refusal(partitionIndex, 'INVALID_TOPIC_EXCEPTION')
  const { row, error } = locate(host, { name, topicId: ZERO_UUID }, partitionIndex)
  if (row === undefined) return refusal(partitionIndex, error)
  const fenced = checkLeaderEpoch(row, -1, true)
  if (fenced !== 'NONE' || row.log === undefined) return refusal(partitionIndex, fenced)
  return {
    partitionIndex,
    errorCode: errorCodes.NONE,
    errorMessage: null,
    activeProducers: row.log.producers().map((producer) => ({
      producerId: producer.producerId,
      producerEpoch: producer.epoch,
      lastSequence: producer.lastSequence,
      lastTimestamp: producer.lastTimestamp,
      coordinatorEpoch: producer.coordinatorEpoch,
      currentTxnStartOffset: producer.currentTxnFirstOffset ?? -1,
    })),
  }
}

const refusal = (
  partitionIndex: number,
  error: ErrorName,
  errorMessage: string | null = null,
): Told => ({
  partitionIndex,
  errorCode: errorCodes[error],
  errorMessage,
  activeProducers: [],
})
