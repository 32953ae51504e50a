/** Questions by time and by size, answered by the indexes and a short walk. */
import type { FileOffset } from '../../actors/ports/log.ts'
import {
  baseOffset,
  baseTimestamp,
  deleteHorizon,
  lastOffset,
  lastOffsetDelta,
  maxTimestamp,
  nextOffset,
  partitionLeaderEpoch,
  recordCount,
  timestampType,
} from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
import { type LogState, segmentIndexAt } from './log-state.ts'
import { findPosition, latestTime, type Segment } from './segment.ts'
import { timeBefore } from './time-index.ts'
import { walkBatches } from './walk.ts'

/** First record at or after a timestamp, in offset order. */
export function offsetForTimestamp(
  log: LogState,
  timestamp: number,
  upTo: number,
): FileOffset | undefined {
  for (const segment of log.segments) {
    if (segment.baseOffset >= upTo) return undefined
    if (segment.maxTimestamp < timestamp) continue
    const indexed = timeBefore(segment.times, log.shared.files, timestamp)
    const from =
      indexed === undefined ? log.startOffset : segment.baseOffset + indexed.relativeOffset
    const found = findRecord(log, segment, Math.max(from, log.startOffset), timestamp)
    if (found !== undefined) return found.offset < upTo ? found : undefined
  }
  return undefined
}

/** The first record with the largest timestamp. */
export function maxTimestampOf(log: LogState, upTo: number): FileOffset | undefined {
  let latest = -1
  let holder: Segment | undefined
  for (const segment of log.segments) {
    if (segment.baseOffset >= upTo) break
    const time = latestBelow(log, segment, upTo)
    if (time > latest) {
      latest = time
      holder = segment
    }
  }
  return holder && findRecord(log, holder, log.startOffset, latest)
}

/** What the segment remembers, unless it reaches beyond the bound or below the log start. */
function latestBelow(log: LogState, segment: Segment, upTo: number): number {
  const { maxTimestampOffset, maxTimestamp: time } = segment
  if (maxTimestampOffset < upTo && segment.baseOffset >= log.startOffset) return time
  let latest = -1
  const from = findPosition(segment, log.shared.files, log.startOffset)
  walkBatches(segment, log.shared.files, from, 'headers', (b, at) => {
    if (nextOffset(b, at) > upTo) return false
    latest = Math.max(latest, latestTime(b, at))
    return true
  })
  return latest
}

function findRecord(
  log: LogState,
  segment: Segment,
  from: number,
  timestamp: number,
): FileOffset | undefined {
  const { files } = log.shared
  let found: FileOffset | undefined
  const position = findPosition(segment, files, from)
  const stopped = walkBatches(segment, files, position, 'headers', (b, at) => {
    if (maxTimestamp(b, at) < timestamp) return true
    found = firstRecord(b, at, from, timestamp)
    return found === undefined && lastOffset(b, at) < from
  })
  if (found !== undefined || stopped >= segment.sizeBytes) return found
  walkBatches(segment, files, stopped, 'whole', (b, at) => {
    found = recordIn(b, at, from, timestamp)
    return found === undefined
  })
  return found
}

/** By the header alone, where the first record is the answer. */
function firstRecord(b: Buffer, at: number, from: number, timestamp: number) {
  // Compaction may have taken the first record, and its time.
  if (recordCount(b, at) !== lastOffsetDelta(b, at) + 1 || deleteHorizon(b, at) !== undefined) {
    return undefined
  }
  const offset = baseOffset(b, at)
  const time = timestampType(b, at) === 'LogAppendTime' ? maxTimestamp(b, at) : baseTimestamp(b, at)
  if (offset < from || time < timestamp) return undefined
  return { offset, timestamp: time, leaderEpoch: partitionLeaderEpoch(b, at) }
}

function recordIn(b: Buffer, at: number, from: number, timestamp: number): FileOffset | undefined {
  if (maxTimestamp(b, at) < timestamp) return undefined
  for (const record of records(b, at)) {
    if (record.offset >= from && record.timestamp >= timestamp) {
      const { offset, timestamp: time } = record
      return { offset, timestamp: time, leaderEpoch: partitionLeaderEpoch(b, at) }
    }
  }
  return undefined
}

/** Bytes from the batch that holds `from` to the one that holds `to`. */
export function bytesBetween(log: LogState, from: number, to: number): number {
  const bounded = (offset: number) => Math.min(Math.max(offset, log.startOffset), log.endOffset)
  return Math.max(0, bytesBefore(log, bounded(to)) - bytesBefore(log, bounded(from)))
}

function bytesBefore(log: LogState, offset: number): number {
  const index = segmentIndexAt(log, offset)
  let bytes = 0
  for (let i = 0; i < index; i++) bytes += log.segments[i]!.sizeBytes
  return offset >= log.endOffset
    ? bytes + log.segments[index]!.sizeBytes
    : bytes + findPosition(log.segments[index]!, log.shared.files, offset)
}
