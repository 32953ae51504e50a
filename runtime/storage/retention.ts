/**
 * Removes whole segments at the start of a log: by age, by size, and below the log start.
 *
 * Source: Kafka's UnifiedLog.deleteOldSegments. Nothing at or above the high watermark goes; when
 * all has to go a new segment is rolled first, so that the log keeps its end.
 */
import type { LogConfig } from '../../actors/ports/log.ts'
import { joinPath } from '../disk/disk.ts'
import { abortCleaning } from './cleaning.ts'
import { dropSegments } from './drop-segments.ts'
import { truncateEpochsFromStart } from './leader-epochs.ts'
import { checkOrder, type LogState } from './log-state.ts'
import { producerSnapshotOffsets } from './producer-reload.ts'
import { snapshotName } from './producer-snapshot.ts'
import { expireProducers } from './producer-state.ts'
import { isAged, roll } from './roll.ts'
import type { Segment } from './segment.ts'

export function applyRetention(log: LogState, highWatermark: number, nowMs: number) {
  const { config } = log
  expireProducers(log.producers, nowMs, config.producerIdExpirationMs)
  if (isAged(log, nowMs)) roll(log, nowMs)
  const count = Math.max(
    deletable(log, highWatermark, belowStart(log)),
    config.cleanupPolicy.includes('delete')
      ? Math.max(
          deletable(log, highWatermark, tooOld(config, nowMs)),
          deletable(log, highWatermark, tooMuch(config, sizeOf(log))),
        )
      : 0,
  )
  if (count > 0) dropFirst(log, count, nowMs)
  return { deletedSegments: count, startOffset: log.startOffset }
}

export const sizeOf = (log: LogState) =>
  log.segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

type Rule = (segment: Segment, next: Segment | undefined) => boolean

/** How many segments from the start on a rule lets go of, in unbroken order. */
function deletable(log: LogState, highWatermark: number, rule: Rule): number {
  let count = 0
  for (const segment of log.segments) {
    const next = log.segments[count + 1]
    const end = next?.baseOffset ?? log.endOffset
    const isLastAndEmpty = next === undefined && segment.sizeBytes === 0
    if (end > highWatermark || isLastAndEmpty || !rule(segment, next)) break
    count++
  }
  return count
}

const belowStart =
  (log: LogState): Rule =>
  (_, next) =>
    next !== undefined && next.baseOffset <= log.startOffset

function tooOld({ retentionMs }: LogConfig, nowMs: number): Rule {
  return ({ maxTimestamp, createdMs }) =>
    retentionMs >= 0 && nowMs - (maxTimestamp >= 0 ? maxTimestamp : createdMs) > retentionMs
}

function tooMuch({ retentionBytes }: LogConfig, sizeBytes: number): Rule {
  let excess = sizeBytes - retentionBytes
  return (segment) => {
    if (retentionBytes < 0 || excess < segment.sizeBytes) return false
    excess -= segment.sizeBytes
    return true
  }
}

function dropFirst(log: LogState, count: number, nowMs: number) {
  if (count === log.segments.length) roll(log, nowMs)
  abortCleaning(log)
  const first = log.segments[count]!
  log.startOffset = Math.max(log.startOffset, first.baseOffset)
  // Of several a power cut may bring back some, and leave a hole: the next start drops what is below.
  const mayLeaveHole = count > 1 || log.dropsUnsynced
  log.namesChanged = true
  log.dropsUnsynced = true
  if (mayLeaveHole) log.checkpoints.logStarts.write()
  const dropped = log.segments.splice(0, count)
  log.recoveryPoint = Math.max(log.recoveryPoint, first.baseOffset)
  log.cursors = []
  dropSegments(log, dropped, log.config.fileDeleteDelayMs)
  truncateEpochsFromStart(log.epochs, log.startOffset)
  for (const offset of producerSnapshotOffsets(log)) {
    if (offset < first.baseOffset)
      log.directory.disk.unlink(joinPath(log.path, snapshotName(offset)))
  }
  checkOrder(log)
}

/** Raises the log start; whole segments below it go, the active one stays. */
export function advanceStartOffset(log: LogState, offset: number, nowMs: number) {
  if (offset <= log.startOffset) return
  log.startOffset = offset
  checkOrder(log)
  truncateEpochsFromStart(log.epochs, offset)
  const count = deletable(log, log.endOffset, belowStart(log))
  if (count > 0) dropFirst(log, count, nowMs)
}
