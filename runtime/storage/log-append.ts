/**
 * Appends: as leader, which validates and assigns, and as follower, which takes what the leader
 * assigned. One write per call; the Buffer itself is kept in the tail cache.
 */
import { invariant } from '../../actors/invariant.ts'
import type { Appended, LeaderAppend } from '../../actors/ports/log.ts'
import {
  baseOffset,
  batchSize,
  hasProducerId,
  lastOffset,
  lastOffsetDelta,
  maxTimestamp,
  partitionLeaderEpoch,
  setBaseOffset,
  setMaxTimestamp,
  setPartitionLeaderEpoch,
  timestampType,
} from '../../transport/records/batch.ts'
import { flushInBackground } from './flush.ts'
import { assignEpoch, latestEpoch } from './leader-epochs.ts'
import { activeSegment, checkOrder, type LogState, mayHaveGaps } from './log-state.ts'
import { appendBegin, beginAt } from './log-truncate.ts'
import { checkProducer, findDuplicate, updateProducers } from './producer-state.ts'
import { recompress } from './recompress.ts'
import { roll, shouldRoll } from './roll.ts'
import { appendToSegment } from './segment.ts'
import { checkFollowerAppend, checkLeaderAppend, checkSizes } from './validation.ts'

/** @throws KafkaError: nothing was stored */
export function appendAsLeader(log: LogState, records: Buffer, how: LeaderAppend): Appended {
  const latest = latestEpoch(log.epochs) ?? -1
  invariant(how.leaderEpoch >= latest, 'P12: a leader appends in the newest epoch', {
    leaderEpoch: how.leaderEpoch,
    latest,
  })
  const largestTime = checkLeaderAppend(records, log.config, how)
  const repeated = checkProducers(log, records, how)
  if (repeated !== undefined) return repeated
  const own = recompress(records, log.config.compressionType, how.origin)
  if (own !== records) checkSizes(own, log.config)
  const logAppendTimeMs = assign(log, own, how, largestTime)
  const first = log.endOffset
  store(log, own, how.nowMs)
  return { baseOffset: first, lastOffset: log.endOffset - 1, logAppendTimeMs, duplicate: false }
}

function checkProducers(log: LogState, records: Buffer, how: LeaderAppend): Appended | undefined {
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    if (!hasProducerId(records, at)) continue
    if (how.origin === 'client') {
      const original = findDuplicate(log.producers, records, at)
      if (original !== undefined) {
        return {
          baseOffset: original.lastOffset - original.offsetDelta,
          lastOffset: original.lastOffset,
          logAppendTimeMs: original.timestamp,
          duplicate: true,
        }
      }
    }
    checkProducer(log.producers, records, at, how.origin === 'client')
  }
  return undefined
}

/** Offsets and epoch stand before what the CRC covers; a stamped time does not. */
function assign(
  log: LogState,
  records: Buffer,
  { leaderEpoch, nowMs, origin }: LeaderAppend,
  largestTime: number | undefined,
): number {
  const stamps = log.config.messageTimestampType === 'LogAppendTime' && origin !== 'raft'
  let next = log.endOffset
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    setBaseOffset(records, at, next)
    setPartitionLeaderEpoch(records, at, leaderEpoch)
    if (stamps) setMaxTimestamp(records, at, 'LogAppendTime', nowMs)
    else if (largestTime !== undefined) correctTimes(records, at, largestTime)
    next += lastOffsetDelta(records, at) + 1
  }
  return stamps ? nowMs : -1
}

/** A producer's header may say another largest time than its records have, and that brokers stamped it. */
function correctTimes(records: Buffer, at: number, largest: number) {
  if (timestampType(records, at) === 'CreateTime' && maxTimestamp(records, at) === largest) return
  setMaxTimestamp(records, at, 'CreateTime', largest)
}

/** @throws KafkaError CORRUPT_MESSAGE: nothing was stored */
export function appendAsFollower(
  log: LogState,
  records: Buffer,
  leaderEpoch: number,
  gaps = false,
): Appended | undefined {
  const begin = appendBegin(log, records)
  const bytes = checkFollowerAppend(
    records,
    begin,
    latestEpoch(log.epochs) ?? -1,
    leaderEpoch,
    gaps || mayHaveGaps(log),
  )
  if (bytes === 0) return undefined
  if (log.cleanedTo === undefined && hasGap(records, bytes, begin)) expectGaps(log)
  beginAt(log, begin)
  const whole = bytes === records.length ? records : records.subarray(0, bytes)
  const first = baseOffset(whole, 0)
  store(log, whole, log.shared.clock.now())
  return { baseOffset: first, lastOffset: log.endOffset - 1, logAppendTimeMs: -1, duplicate: false }
}

function hasGap(records: Buffer, bytes: number, begin: number): boolean {
  let next = begin
  for (let at = 0; at < bytes; at += batchSize(records, at)) {
    if (baseOffset(records, at) > next) return true
    next = lastOffset(records, at) + 1
  }
  return false
}

/**
 * What the leader compacted has gaps, and a recovery knows of no configuration yet: the checkpoint
 * tells it, from before the first one.
 */
function expectGaps(log: LogState) {
  log.cleanedTo = log.startOffset
  log.checkpoints.cleanerOffsets.write()
}

/** Writes checked batches that have their offsets. */
function store(log: LogState, records: Buffer, nowMs: number) {
  const { files, tail } = log.shared
  const first = baseOffset(records, 0)
  const { next, latestTime } = summary(records)
  if (shouldRoll(log, records.length, next - 1, latestTime, nowMs)) roll(log, nowMs)
  const segment = activeSegment(log)
  appendToSegment(segment, files, records, log.config.indexIntervalBytes)
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    const epoch = partitionLeaderEpoch(records, at)
    if (epoch >= 0) assignEpoch(log.epochs, epoch, baseOffset(records, at))
    updateProducers(log.producers, records, at)
  }
  log.endOffset = next
  checkOrder(log)
  tail.push(log.tail, first, next, records)
  flushIfDue(log, nowMs)
}

function summary(records: Buffer): { next: number; latestTime: number } {
  let next = 0
  let latestTime = -1
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    next = lastOffset(records, at) + 1
    latestTime = Math.max(latestTime, maxTimestamp(records, at))
  }
  return { next, latestTime }
}

/** By `flush.messages` and `flush.ms`; the latter also when nothing more comes. */
export function flushIfDue(log: LogState, nowMs: number) {
  if (log.endOffset === log.recoveryPoint) return
  const { flushMessages, flushMs } = log.config
  const isDue =
    log.endOffset - log.recoveryPoint >= flushMessages || nowMs - log.lastFlushMs >= flushMs
  if (isDue) flushInBackground(log)
}
