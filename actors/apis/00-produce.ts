/**
 * Produce v3-13: record batches for partitions that this broker leads (topics by id from v13).
 *
 * - One batch of format v2 a partition; zstd from v7 on (KIP-110).
 * - acks 0 is not answered, 1 answers once the leader has it, -1 once the high watermark passed it.
 * - What is refused with acks 0 ends the connection, so that its client asks anew who leads.
 * - Transactions are not built: transactional batches get INVALID_TXN_STATE, and without a
 *   transactional id, as in Kafka, TRANSACTIONAL_ID_AUTHORIZATION_FAILED for the whole request.
 * - Bytes of a batch that is cut off behind the first one are left away.
 * - Records that are damaged are told in one log line a request.
 * - NOT_LEADER_OR_FOLLOWER tells who leads instead, from v10 (KIP-951).
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import {
  BATCH_HEADER_BYTES,
  batchSize,
  codecIn,
  isTransactional,
  LOG_OVERHEAD,
  layout,
  MAGIC,
  magic,
} from '../../transport/records/batch.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import type { DataBroker } from '../broker/types.ts'
import type { Appending } from '../replica/append.ts'
import type { AppendResult } from '../replica/types.ts'
import { handler } from './handler.ts'
import {
  currentLeader,
  isInternal,
  type Located,
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
  (request, asker, host, log) => {
    const { acks, timeoutMs, transactionalId } = request
    if (acks !== -1 && acks !== 0 && acks !== 1) {
      refuse('INVALID_REQUIRED_ACKS', `acks ${acks}: use -1, 0 or 1`)
    }
    if (transactionalId === null && hasTransactionalBatch(request)) {
      refuse('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'a transactional batch without its id')
    }
    const mayWriteInternal = asker.clientId === '__admin_client'
    const appending: Appending[] = []
    /** Refusals by place in `appending`. */
    const refusals = new Map<number, AppendResult>()
    for (const topic of request.topicData) {
      for (const { index, records } of topic.partitionData) {
        const at = appending.length
        const { row, error } = place(topic, index)
        const judged = row === undefined ? refusalOf(error) : check(row.topic, records)
        if (Buffer.isBuffer(judged)) {
          appending.push({ partition: row, records: judged })
        } else {
          refusals.set(at, judged)
          appending.push({ partition: undefined, records: noRecords })
        }
      }
    }
    const results = host.replicas.appendAll(appending, {
      requiredAcks: acks,
      timeoutMs,
      origin: 'client',
      departure: asker.departure,
    })
    if (results instanceof Promise) return results.then(answer)
    return acks === 0 ? unanswered(results) : answer(results)

    function unanswered(appended: AppendResult[]): undefined {
      const refused = appended
        .map((result, at) => refusals.get(at) ?? result)
        .find(({ error }) => error !== 'NONE')
      if (refused !== undefined) asker.hangUp?.(withoutAnswer(refused.error, refused.message))
      return undefined
    }

    function place(topic: Topic, index: number): Located {
      if (asker.apiVersion >= TOPIC_IDS_SINCE && topic.topicId === ZERO_UUID) {
        return { row: undefined, error: 'UNKNOWN_TOPIC_ID' }
      }
      return locate(host, topic, index)
    }

    function check(topic: string, records: Buffer | null): AppendResult | Buffer {
      if (isInternal(topic) && !mayWriteInternal) {
        return refusalOf('INVALID_TOPIC_EXCEPTION', `Cannot append to internal topic ${topic}`)
      }
      return checkBatch(records, asker.apiVersion)
    }

    function answer(appended: AppendResult[]): Answer {
      let at = 0
      let corrupt: object | undefined
      const leaders: number[] = []
      const responses: TopicAnswer[] = request.topicData.map((topic) => ({
        name: topic.name,
        topicId: topic.topicId,
        partitionResponses: topic.partitionData.map(({ index }) => {
          const result = refusals.get(at) ?? appended[at]!
          at++
          if (result.error === 'CORRUPT_MESSAGE') {
            corrupt ??= { topic: topic.name, partition: index, why: result.message }
          }
          const answer = partitionAnswer(index, result)
          if (asker.apiVersion >= LEADERS_SINCE && tellsLeader(result.error)) {
            answer.currentLeader = currentLeader(host, topic, index)
            leaders.push(answer.currentLeader.leaderId)
          }
          return answer
        }),
      }))
      if (corrupt !== undefined) {
        const { connectionId, clientId } = asker
        log.warn({ connectionId, clientId, ...corrupt }, 'produce refused: corrupt records')
      }
      const endpoints = leaders.length > 0 ? nodeEndpoints(host, leaders, asker.listenerName) : []
      return { responses, throttleTimeMs: 0, nodeEndpoints: endpoints }
    }
  },
  ({ acks, topicData }, error, message, asker) => {
    if (acks === 0) {
      asker.hangUp?.(withoutAnswer(error, message))
      return undefined
    }
    return {
      responses: topicData.map(({ name, topicId, partitionData }: Topic) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index }) =>
          partitionAnswer(index, refusalOf(error, message)),
        ),
      })),
      throttleTimeMs: 0,
      nodeEndpoints: [],
    }
  },
)

const withoutAnswer = (error: ErrorName, message: string | null): string =>
  `Produce with acks=0: ${error}${message === null ? '' : `, ${message}`}`

const noRecords = Buffer.alloc(0)
const ZSTD_SINCE = 7
/** The shortest record of magic 0, behind offset and size. */
const OLD_RECORD_BYTES_MIN = 14
const TOPIC_IDS_SINCE = 13
const LEADERS_SINCE = 10

function hasTransactionalBatch({ topicData }: Request<typeof Produce>): boolean {
  return topicData.some(({ partitionData }) =>
    partitionData.some(
      ({ records }) =>
        records !== null &&
        records.length >= BATCH_HEADER_BYTES &&
        magic(records, 0) === MAGIC &&
        isTransactional(records, 0),
    ),
  )
}

/**
 * What the version of the request says of its batches; the log checks the rest.
 * @returns the one batch
 */
function checkBatch(records: Buffer | null, version: number): AppendResult | Buffer {
  try {
    const size = records === null ? 0 : sizeOfNext(records, 0)
    if (records === null || size === 0) {
      return refusalOf('INVALID_RECORD', `Produce v${version} needs a record batch`)
    }
    if (magic(records, 0) !== MAGIC) {
      return refusalOf('INVALID_RECORD', `Produce v${version} takes record batches of magic 2`)
    }
    if (size < BATCH_HEADER_BYTES) {
      return refusalOf('CORRUPT_MESSAGE', `a batch of ${size} bytes`)
    }
    if (isTransactional(records, 0)) {
      return refusalOf('INVALID_TXN_STATE', 'transactions are not offered')
    }
    if (version < ZSTD_SINCE) checkCodec(records)
    if (sizeOfNext(records, size) > 0) {
      return refusalOf('INVALID_RECORD', `Produce v${version} takes exactly one record batch`)
    }
    return size === records.length ? records : records.subarray(0, size)
  } catch (error) {
    if (error instanceof KafkaError) return refusalOf(error.code, error.message)
    throw error
  }
}

/** Kafka looks for zstd here, and does not foresee a codec that it does not know. */
function checkCodec(records: Buffer) {
  const codec = codecIn(records, 0)
  if (codec === 'zstd') refuse('UNSUPPORTED_COMPRESSION_TYPE', 'zstd needs Produce v7')
  if (codec === undefined) refuse('UNKNOWN_SERVER_ERROR', 'its attributes name no codec')
}

/**
 * Size of the batch that begins at a position, in the order in which Kafka looks.
 * @returns 0 where less than a batch is left
 * @throws KafkaError CORRUPT_MESSAGE: what stands there is none
 */
function sizeOfNext(records: Buffer, at: number): number {
  const left = records.length - at
  if (left < LOG_OVERHEAD) return 0
  const size = batchSize(records, at)
  if (size < LOG_OVERHEAD + OLD_RECORD_BYTES_MIN) {
    refuse('CORRUPT_MESSAGE', `a batch of ${size} bytes`)
  }
  if (left <= layout.magic) return 0
  const version = magic(records, at)
  if (version < 0 || version > MAGIC) refuse('CORRUPT_MESSAGE', `magic ${version} is unknown`)
  return size <= left ? size : 0
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
  recordErrors: (result.recordErrors ?? []).map(({ batchIndex, message }) => ({
    batchIndex,
    batchIndexErrorMessage: message,
  })),
  errorMessage: result.message,
  currentLeader: noLeader,
})
