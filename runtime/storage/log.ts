/** A log as the port that replicas use: its state, and the functions beside it. */

import { invariant } from '../../actors/invariant.ts'
import type { Log } from '../../actors/ports/log.ts'
import { flush } from './flush.ts'
import { assignEpoch, endOffsetFor, epochAt, latestEpoch } from './leader-epochs.ts'
import { appendAsFollower, appendAsLeader } from './log-append.ts'
import { bytesBetween, maxTimestampOf, offsetForTimestamp } from './log-queries.ts'
import { read } from './log-read.ts'
import type { LogState } from './log-state.ts'
import { truncateFullyAndStartAt, truncateTo } from './log-truncate.ts'
import { advanceStartOffset, applyRetention, sizeOf } from './retention.ts'
import { roll } from './roll.ts'

/** The log's methods; each throws once the log is removed or its store closed. */
export function logOf(log: LogState): Log {
  const here = () => {
    invariant(!log.isGone, 'a removed log is left alone', {
      topic: log.topic,
      partition: log.partition,
    })
    return log
  }
  return {
    topic: log.topic,
    partition: log.partition,
    topicId: log.topicId,
    directoryId: log.directory.id,
    startOffset: () => log.startOffset,
    endOffset: () => log.endOffset,
    recoveryPoint: () => log.recoveryPoint,
    sizeBytes: () => sizeOf(log),
    damage: () => log.damage,
    config: () => log.config,
    reconfigure(config) {
      log.config = config
    },
    appendAsLeader: (records, how) => appendAsLeader(here(), records, how),
    appendAsFollower: (records, leaderEpoch) => appendAsFollower(here(), records, leaderEpoch),
    read: (from, maxBytes, upTo, minOneBatch) => read(here(), from, maxBytes, upTo, minOneBatch),
    latestEpoch: () => latestEpoch(log.epochs),
    epochAt: (offset) => epochAt(log.epochs, offset),
    endOffsetFor: (epoch) => endOffsetFor(log.epochs, epoch, log.endOffset),
    assignEpoch: (epoch, startOffset) => assignEpoch(here().epochs, epoch, startOffset),
    truncateTo: (offset) => truncateTo(here(), offset),
    truncateFullyAndStartAt: (offset) => truncateFullyAndStartAt(here(), offset),
    advanceStartOffset: (offset) => advanceStartOffset(here(), offset, log.shared.clock.now()),
    offsetForTimestamp: (timestamp, upTo) => offsetForTimestamp(here(), timestamp, upTo),
    maxTimestamp: (upTo) => maxTimestampOf(here(), upTo),
    bytesBetween: (from, to) => bytesBetween(here(), from, to),
    flush: () => flush(here()),
    applyRetention: (highWatermark, nowMs) => applyRetention(here(), highWatermark, nowMs),
    roll: () => roll(here(), log.shared.clock.now()),
    producers: () =>
      [...log.producers.values()].map((entry) => ({
        producerId: entry.producerId,
        epoch: entry.epoch,
        lastSequence: entry.batches.at(-1)?.lastSequence ?? -1,
        lastOffset: entry.batches.at(-1)?.lastOffset ?? -1,
        lastTimestamp: entry.lastTimestamp,
        coordinatorEpoch: entry.coordinatorEpoch,
        currentTxnFirstOffset: entry.currentTxnFirstOffset,
      })),
  }
}
