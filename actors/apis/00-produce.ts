/**
 * Produce v3-13: record batches for partitions that this broker leads (topics by id from v13).
 *
 * - One batch of format v2 a partition; zstd from v7 on (KIP-110).
 * - acks 0 is not answered, 1 answers once the leader has it, -1 once the high watermark passed it.
 * - Transactions are not built: transactional batches get INVALID_TXN_STATE.
 * - NOT_LEADER_OR_FOLLOWER tells who leads instead, from v10 (KIP-951).
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import {
  compression,
  isTransactional,
  MAGIC,
  magic,
  wholeBatch,
} from '../../transport/records/batch.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import type { DataBroker } from '../broker/types.ts'
import type { Appending } from '../replica/append.ts'
import type { AppendResult } from '../replica/types.ts'
import { handler } from './handler.ts'
import {
  currentLeader,
  isInternal,
  locate,
  nodeEndpoints,
  noLeader,
  tellsLeader,
} from './located.ts'

type Answer = Response<typeof Produce>
type TopicAnswer = Answer['responses'][number]
type PartitionAnswer = TopicAnswer['partitionResponses'][number]
type Topic = Request<typeof Produce>['topicData'][number]

export const produce = handler<typeof Produce, DataBroker>(
  Produce,
  [3, 13],
  (request, asker, host) => {
    const { acks, timeoutMs, transactionalId } = request
    if (acks !== -1 && acks !== 0 && acks !== 1) {
      refuse('INVALID_REQUIRED_ACKS', `acks ${acks}: use -1, 0 or 1`)
    }
    if (transactionalId !== null) refuse('INVALID_TXN_STATE', 'transactions are not offered')
    const mayWriteInternal = asker.clientId === '__admin_client'
    const appending: Appending[] = []
    /** Refusals by place in `appending`. */
    const refusals = new Map<number, AppendResult>()
    for (const topic of request.topicData) {
      for (const { index, records } of topic.partitionData) {
        const at = appending.length
        const { row, error } = locate(host, topic, index)
        const no = row === undefined ? refusalOf(error) : check(row.topic, records)
        if (no !== undefined) refusals.set(at, no)
        appending.push({ partition: no ? undefined : row, records: records ?? noRecords })
      }
    }
    const results = host.replicas.appendAll(appending, {
      requiredAcks: acks,
      timeoutMs,
      origin: 'client',
    })
    if (acks === 0) return undefined
    if (results instanceof Promise) return results.then(answer)
    return answer(results)

    function check(topic: string, records: Buffer | null): AppendResult | undefined {
      if (isInternal(topic) && !mayWriteInternal) {
        return refusalOf('INVALID_TOPIC_EXCEPTION', `Cannot append to internal topic ${topic}`)
      }
      return checkBatch(records, asker.apiVersion)
    }

    function answer(appended: AppendResult[]): Answer {
      let at = 0
      const leaders: number[] = []
      const responses: TopicAnswer[] = request.topicData.map((topic) => ({
        name: topic.name,
        topicId: topic.topicId,
        partitionResponses: topic.partitionData.map(({ index }) => {
          const result = refusals.get(at) ?? appended[at]!
          at++
          const answer = partitionAnswer(index, result)
          if (asker.apiVersion >= LEADERS_SINCE && tellsLeader(result.error)) {
            answer.currentLeader = currentLeader(host, topic, index)
            leaders.push(answer.currentLeader.leaderId)
          }
          return answer
        }),
      }))
      const endpoints = leaders.length > 0 ? nodeEndpoints(host, leaders, asker.listenerName) : []
      return { responses, throttleTimeMs: 0, nodeEndpoints: endpoints }
    }
  },
  ({ topicData }, error, message) => ({
    responses: topicData.map(({ name, topicId, partitionData }: Topic) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) =>
        partitionAnswer(index, refusalOf(error, message)),
      ),
    })),
    throttleTimeMs: 0,
    nodeEndpoints: [],
  }),
)

const noRecords = Buffer.alloc(0)
const ZSTD_SINCE = 7
const LEADERS_SINCE = 10

/** What the version of the request says of its batches; the log checks the rest. */
function checkBatch(records: Buffer | null, version: number): AppendResult | undefined {
  try {
    if (records === null || records.length === 0) {
      return refusalOf('INVALID_RECORD', `Produce v${version} needs a record batch`)
    }
    const size = wholeBatch(records, 0)
    if (size === 0) return refusalOf('CORRUPT_MESSAGE', 'the record batch is cut off')
    if (size < records.length) {
      return refusalOf('INVALID_RECORD', `Produce v${version} takes exactly one record batch`)
    }
    if (magic(records, 0) !== MAGIC) {
      return refusalOf('INVALID_RECORD', `Produce v${version} takes record batches of magic 2`)
    }
    if (isTransactional(records, 0)) {
      return refusalOf('INVALID_TXN_STATE', 'transactions are not offered')
    }
    if (version < ZSTD_SINCE && compression(records, 0) === 'zstd') {
      return refusalOf('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs Produce v7')
    }
    return undefined
  } catch (error) {
    if (error instanceof KafkaError) return refusalOf(error.code, error.message)
    throw error
  }
}

const refusalOf = (error: ErrorName, message: string | null = null): AppendResult => ({
  error,
  message,
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
})

const partitionAnswer = (index: number, result: AppendResult): PartitionAnswer => ({
  index,
  errorCode: errorCodes[result.error],
  baseOffset: result.baseOffset,
  logAppendTimeMs: result.logAppendTimeMs,
  logStartOffset: result.logStartOffset,
  recordErrors: [],
  errorMessage: result.message,
  currentLeader: noLeader,
})
