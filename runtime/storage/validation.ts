/**
 * What a batch must hold before a leader or a follower stores it. Records are looked at where a
 * client sent them (`client-batch.ts`); what brokers wrote is judged by header and CRC.
 *
 * Source: Kafka's UnifiedLog of 4.3.0.
 */
import type { LeaderAppend, LogConfig } from '../../actors/ports/log.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import {
  baseOffset,
  batchSize,
  checkBatch,
  checkBytes,
  LOG_OVERHEAD,
  lastOffset,
  partitionLeaderEpoch,
  wholeBatch,
} from '../../transport/records/batch.ts'
import { checkBaseOffset, checkClientBatch } from './client-batch.ts'

/**
 * @returns the largest time of a client's records; undefined for others, whose header says it
 * @throws KafkaError: none of `records` may be stored
 */
export function checkLeaderAppend(
  records: Buffer,
  config: LogConfig,
  how: LeaderAppend,
): number | undefined {
  const isClient = how.origin === 'client'
  let largestTime: number | undefined
  let count = 0
  for (let at = 0; at < records.length; count++) {
    if (isClient && records.length - at >= LOG_OVERHEAD) checkBaseOffset(records, at)
    checkSize(records, at, config, how.origin)
    if (isClient) {
      const size = checkBytes(records, at)
      if (size < records.length - at) refuse('INVALID_RECORD', 'producers send one batch')
      largestTime = checkClientBatch(records, at, config, how.nowMs)
      at += size
    } else {
      at += checkBatch(records, at)
    }
  }
  if (count === 0) refuse('INVALID_RECORD', 'a record set without a batch')
  if (how.origin !== 'raft' && records.length > config.segmentBytes) {
    refuse(
      'RECORD_LIST_TOO_LARGE',
      `${records.length} bytes, but segment.bytes is ${config.segmentBytes}`,
    )
  }
  return largestTime
}

/** What was packed anew may have grown. @throws KafkaError MESSAGE_TOO_LARGE */
export function checkSizes(records: Buffer, config: LogConfig) {
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    checkSize(records, at, config, 'client')
  }
}

/** The size is judged before the bytes are: too large is too large, whole or not. */
function checkSize(records: Buffer, at: number, config: LogConfig, origin: LeaderAppend['origin']) {
  if (origin === 'raft' || records.length - at < LOG_OVERHEAD) return
  const size = batchSize(records, at)
  if (size > config.maxMessageBytes) {
    refuse('MESSAGE_TOO_LARGE', `${size} bytes, but max.message.bytes is ${config.maxMessageBytes}`)
  }
}

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
