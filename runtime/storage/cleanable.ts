/**
 * What of a log compaction may look at now: whole segments below the bound, the active one never.
 *
 * Source: Kafka's LogCleanerManager; KIP-58 (min.compaction.lag.ms), KIP-354 (max.compaction.lag.ms).
 */
import type { Cleanable } from '../../actors/ports/log.ts'
import { maxTimestamp } from '../../transport/records/batch.ts'
import { isCompacted } from './client-batch.ts'
import type { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'
import { walkBatches } from './walk.ts'

export type CleanRange = {
  /** From here on keys are looked up; what lies before is known to hold each key once. */
  firstDirtyOffset: number
  /** How many segments from the start on. */
  segments: number
  /** One past the last offset that may be cleaned. */
  endOffset: number
}

/** undefined: there is nothing to clean. */
export function cleanRange(log: LogState, upTo: number, nowMs: number): CleanRange | undefined {
  if (!isCompacted(log.config) || log.segments.length < 2) return undefined
  const firstDirtyOffset = firstDirty(log)
  // What is not known to be on disk is left alone: a recovery reads it as it was appended.
  const bound = Math.min(upTo, log.recoveryPoint)
  const lag = log.config.minCompactionLagMs
  let segments = 0
  for (const segment of log.segments) {
    const end = log.segments[segments + 1]?.baseOffset
    if (end === undefined || end > bound) break
    if (lag > 0 && end > firstDirtyOffset && latestTime(segment) > nowMs - lag) break
    segments++
  }
  const endOffset = log.segments[segments]!.baseOffset
  return endOffset > firstDirtyOffset ? { firstDirtyOffset, segments, endOffset } : undefined
}

/** How dirty the log is, and whether cleaning it is due. */
export function cleanable(log: LogState, upTo: number, nowMs: number): Cleanable | undefined {
  const range = cleanRange(log, upTo, nowMs)
  if (range === undefined) return undefined
  let cleanBytes = 0
  let dirtyBytes = 0
  for (let i = 0; i < range.segments; i++) {
    const { sizeBytes } = log.segments[i]!
    if (isDirty(log, i, range)) dirtyBytes += sizeBytes
    else cleanBytes += sizeBytes
  }
  if (dirtyBytes === 0) return undefined
  const dirtyRatio = dirtyBytes / (cleanBytes + dirtyBytes)
  const isDue = dirtyRatio > log.config.minCleanableDirtyRatio || isOverdue(log, range, nowMs)
  return { dirtyRatio, isDue }
}

export const isDirty = (log: LogState, index: number, { firstDirtyOffset }: CleanRange) =>
  log.segments[index + 1]!.baseOffset > firstDirtyOffset

/** A log cut or deleted beyond what was cleaned is dirty from its start on. */
function firstDirty({ cleanedTo, startOffset, endOffset }: LogState): number {
  if (cleanedTo === undefined || cleanedTo < startOffset || cleanedTo > endOffset) {
    return startOffset
  }
  return cleanedTo
}

const latestTime = ({ maxTimestamp: latest, createdMs }: Segment) =>
  latest >= 0 ? latest : createdMs

function isOverdue(log: LogState, range: CleanRange, nowMs: number): boolean {
  const latest = nowMs - log.config.maxCompactionLagMs
  if (latest <= 0) return false
  return log.segments.slice(0, range.segments).some((segment, index) => {
    if (!isDirty(log, index, range)) return false
    const first = firstTime(log, segment)
    return first > 0 && first < latest
  })
}

/** Not remembered of segments that were rolled before the last start. */
function firstTime(log: LogState, segment: Segment): number {
  if (segment.firstTimestamp >= 0) return segment.firstTimestamp
  walkBatches(segment, log.shared.files, 0, 'headers', (b, at) => {
    segment.firstTimestamp = maxTimestamp(b, at)
    return false
  })
  return segment.firstTimestamp
}
