/**
 * What a batch must hold before a leader or a follower stores it: per batch, by its header. Only
 * compacted topics, whose records need keys, have their records read.
 *
 * Source: Kafka's LogValidator and UnifiedLog of 4.3.0. Timestamps are judged by the first and the
 * largest of a batch, which its CRC covers.
 */
import type { LeaderAppend, LogConfig } from '../../actors/ports/log.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import {
  baseOffset,
  baseSequence,
  baseTimestamp,
  batchSize,
  checkBatch,
  checkDense,
  hasProducerId,
  isControl,
  LOG_OVERHEAD,
  lastOffset,
  maxTimestamp,
  partitionLeaderEpoch,
  timestampType,
  wholeBatch,
} from '../../transport/records/batch.ts'
import { records as recordsOf } from '../../transport/records/records.ts'

/** @throws KafkaError: none of `records` may be stored */
export function checkLeaderAppend(records: Buffer, config: LogConfig, how: LeaderAppend) {
  let count = 0
  for (let at = 0; at < records.length; count++) {
    checkSize(records, at, config, how)
    const size = checkBatch(records, at)
    if (how.origin === 'client') checkFromClient(records, at, config, how.nowMs)
    if (isCompacted(config) && !isControl(records, at)) checkKeys(records, at)
    at += size
  }
  if (count === 0) refuse('INVALID_RECORD', 'a record set without a batch')
  if (count > 1 && how.origin === 'client') {
    refuse('INVALID_RECORD', `${count} batches where producers send one`)
  }
  if (how.origin !== 'raft' && records.length > config.segmentBytes) {
    refuse(
      'RECORD_LIST_TOO_LARGE',
      `${records.length} bytes, but segment.bytes is ${config.segmentBytes}`,
    )
  }
}

/** The size is judged before the bytes are: too large is too large, whole or not. */
function checkSize(records: Buffer, at: number, config: LogConfig, { origin }: LeaderAppend) {
  if (origin === 'raft' || records.length - at < LOG_OVERHEAD) return
  const size = batchSize(records, at)
  if (size > config.maxMessageBytes) {
    refuse('MESSAGE_TOO_LARGE', `${size} bytes, but max.message.bytes is ${config.maxMessageBytes}`)
  }
}

function checkFromClient(records: Buffer, at: number, config: LogConfig, nowMs: number) {
  checkDense(records, at)
  const offset = baseOffset(records, at)
  if (offset !== 0) refuse('INVALID_RECORD', `base offset ${offset}, producers send 0`)
  if (isControl(records, at)) refuse('INVALID_RECORD', 'clients write no control batches')
  if (hasProducerId(records, at) && baseSequence(records, at) < 0) {
    refuse('INVALID_RECORD', `sequence ${baseSequence(records, at)} of an idempotent producer`)
  }
  if (config.messageTimestampType === 'CreateTime') checkTimes(records, at, config, nowMs)
}

function checkTimes(records: Buffer, at: number, config: LogConfig, nowMs: number) {
  if (timestampType(records, at) === 'LogAppendTime') {
    refuse('INVALID_TIMESTAMP', 'the batch says LogAppendTime, which only brokers stamp')
  }
  const earliest = nowMs - config.messageTimestampBeforeMaxMs
  const latest = nowMs + config.messageTimestampAfterMaxMs
  const first = baseTimestamp(records, at)
  const largest = maxTimestamp(records, at)
  if ((first !== -1 && first < earliest) || largest > latest) {
    refuse('INVALID_TIMESTAMP', `times ${first} to ${largest}, taken are ${earliest} to ${latest}`)
  }
}

function checkKeys(records: Buffer, at: number) {
  for (const { offset, key } of recordsOf(records, at)) {
    if (key === null) {
      refuse(
        'INVALID_RECORD',
        `record ${offset - baseOffset(records, at)} of a compacted topic has no key`,
      )
    }
  }
}

export const isCompacted = (config: LogConfig) => config.cleanupPolicy.includes('compact')

/**
 * Checks what a follower fetched (P20).
 * @param mayHaveGaps compaction at the leader leaves offsets out
 * @returns bytes of the whole batches; a torn last one is left out
 * @throws KafkaError CORRUPT_MESSAGE
 */
export function checkFollowerAppend(
  records: Buffer,
  endOffset: number,
  latestEpoch: number,
  leaderEpoch: number,
  mayHaveGaps: boolean,
): number {
  let at = 0
  let next = endOffset
  let epoch = latestEpoch
  while (wholeBatch(records, at) > 0) {
    const size = checkBatch(records, at)
    const first = baseOffset(records, at)
    if (first < next || (first > next && !mayHaveGaps)) {
      refuse('CORRUPT_MESSAGE', `a batch at offset ${first} where ${next} was expected`)
    }
    const batchEpoch = partitionLeaderEpoch(records, at)
    if (batchEpoch < epoch || batchEpoch > leaderEpoch) {
      refuse(
        'CORRUPT_MESSAGE',
        `a batch of epoch ${batchEpoch} after ${epoch}, fetched in ${leaderEpoch}`,
      )
    }
    epoch = batchEpoch
    next = lastOffset(records, at) + 1
    at += size
  }
  return at
}
