/**
 * A log as the port that replicas use: its state, and the functions beside it.
 *
 * The methods are shared by all logs: closures of its own would cost each of thousands of idle logs
 * more than all else it holds.
 */

import { invariant } from '../../actors/invariant.ts'
import type { Log } from '../../actors/ports/log.ts'
import { cleanable } from './cleanable.ts'
import { clean } from './cleaner.ts'
import { flush } from './flush.ts'
import { assignEpoch, endOffsetFor, epochAt, latestEpoch } from './leader-epochs.ts'
import { appendAsFollower, appendAsLeader, flushIfDue } from './log-append.ts'
import { bytesBetween, maxTimestampOf, offsetForTimestamp } from './log-queries.ts'
import { read } from './log-read.ts'
import { isSuspect, type LogState } from './log-state.ts'
import { truncateFullyAndStartAt, truncateTo } from './log-truncate.ts'
import type { ProducerEntry } from './producer-state.ts'
import { advanceStartOffset, applyRetention, sizeOf } from './retention.ts'
import { roll } from './roll.ts'

type Held = Log & { readonly state: LogState }

/** A removed log, or one whose store is closed, is left alone. */
function here({ state }: Held): LogState {
  const { isGone, topic, partition } = state
  invariant(!isGone, 'a removed log is left alone', { topic, partition })
  return state
}

const methods: Omit<Log, 'topic' | 'partition' | 'topicId' | 'directoryId'> & ThisType<Held> = {
  startOffset() {
    return this.state.startOffset
  },
  endOffset() {
    return this.state.endOffset
  },
  recoveryPoint() {
    return this.state.recoveryPoint
  },
  sizeBytes() {
    return sizeOf(this.state)
  },
  damage() {
    return this.state.damage
  },
  isSuspect() {
    return isSuspect(this.state)
  },
  trust() {
    this.state.damage = undefined
  },
  config() {
    return this.state.config
  },
  reconfigure(config) {
    this.state.config = config
  },
  appendAsLeader(records, how) {
    return appendAsLeader(here(this), records, how)
  },
  appendAsFollower(records, leaderEpoch, gaps) {
    return appendAsFollower(here(this), records, leaderEpoch, gaps)
  },
  read(from, maxBytes, upTo, minOneBatch) {
    return read(here(this), from, maxBytes, upTo, minOneBatch)
  },
  latestEpoch() {
    return latestEpoch(this.state.epochs)
  },
  epochAt(offset) {
    return epochAt(this.state.epochs, offset)
  },
  endOffsetFor(epoch) {
    return endOffsetFor(this.state.epochs, epoch, this.state.endOffset)
  },
  assignEpoch(epoch, startOffset) {
    assignEpoch(here(this).epochs, epoch, startOffset)
  },
  truncateTo(offset) {
    truncateTo(here(this), offset)
  },
  truncateFullyAndStartAt(offset) {
    truncateFullyAndStartAt(here(this), offset)
  },
  advanceStartOffset(offset) {
    advanceStartOffset(here(this), offset, this.state.shared.clock.now())
  },
  offsetForTimestamp(timestamp, upTo) {
    return offsetForTimestamp(here(this), timestamp, upTo)
  },
  maxTimestamp(upTo) {
    return maxTimestampOf(here(this), upTo)
  },
  bytesBetween(from, to) {
    return bytesBetween(here(this), from, to)
  },
  flush() {
    return flush(here(this))
  },
  flushIfDue(nowMs) {
    flushIfDue(here(this), nowMs)
  },
  applyRetention(highWatermark, nowMs) {
    return applyRetention(here(this), highWatermark, nowMs)
  },
  roll() {
    roll(here(this), this.state.shared.clock.now())
  },
  cleanable(lastStableOffset, nowMs) {
    return cleanable(here(this), lastStableOffset, nowMs)
  },
  clean(lastStableOffset, nowMs, limits) {
    return clean(here(this), lastStableOffset, nowMs, limits)
  },
  producers() {
    return [...this.state.producers.values()].map(describe)
  },
}

const describe = (entry: ProducerEntry) => ({
  producerId: entry.producerId,
  epoch: entry.epoch,
  lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
  lastOffset: entry.batches.at(-1)?.lastOffset ?? -1,
  lastTimestamp: entry.lastTimestamp,
  coordinatorEpoch: entry.coordinatorEpoch,
  currentTxnFirstOffset: entry.currentTxnFirstOffset,
})

export function logOf(state: LogState): Log {
  const { topic, partition, topicId, directory } = state
  const own = { topic, partition, topicId, directoryId: directory.id, state }
  return Object.assign(Object.create(methods) as typeof methods, own)
}
