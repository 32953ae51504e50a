/** When a new segment is due, and how it is made. */

import { isCompacted } from './client-batch.ts'
import { flushInBackground } from './flush.ts'
import { activeSegment, type LogState } from './log-state.ts'
import { writeProducerSnapshot } from './producer-snapshot.ts'
import { areIndexesFull, closeIndexes, createSegment, fitsSegment } from './segment.ts'

/** Source: Kafka's LogSegment.shouldRoll: size, age by the records' times, full indexes, far offsets. */
export function shouldRoll(
  log: LogState,
  bytes: number,
  lastOffset: number,
  latestTime: number,
  nowMs: number,
): boolean {
  const segment = activeSegment(log)
  const { segmentBytes, segmentIndexBytes } = log.config
  if (segment.sizeBytes > 0 && segment.sizeBytes + bytes > segmentBytes) return true
  if (!fitsSegment(segment, lastOffset)) return true
  if (segment.sizeBytes === 0) return false
  const age =
    segment.firstTimestamp >= 0 && latestTime >= 0
      ? latestTime - segment.firstTimestamp
      : nowMs - segment.createdMs
  return age > segmentMsOf(log) - log.rollJitterMs || areIndexesFull(segment, segmentIndexBytes)
}

/** Whether time alone makes a new segment due, as the retention check asks. */
export function isAged(log: LogState, nowMs: number): boolean {
  const segment = activeSegment(log)
  const since = segment.firstTimestamp >= 0 ? segment.firstTimestamp : segment.createdMs
  return segment.sizeBytes > 0 && nowMs - since > segmentMsOf(log) - log.rollJitterMs
}

/** What is to be compacted must not stay in the active segment for longer (KIP-354). */
const segmentMsOf = ({ config }: LogState) =>
  isCompacted(config) ? Math.min(config.segmentMs, config.maxCompactionLagMs) : config.segmentMs

/** The rolled segment is synced in the background, as Kafka does. */
export function roll(log: LogState, nowMs: number) {
  const { directory, endOffset, path, shared } = log
  const full = activeSegment(log)
  if (full.baseOffset === endOffset) return
  closeIndexes(full, shared.files)
  writeProducerSnapshot(directory.disk, path, endOffset, log.producers)
  log.segments.push(createSegment(shared.files, directory.disk, path, endOffset, nowMs))
  log.namesChanged = true // the flush below syncs them, and no other counts before
  log.rollJitterMs = jitterOf(log)
  flushInBackground(log)
}

/** Spread by name and offset rather than by chance: a replay rolls where the run did. */
export function jitterOf({ topic, partition, endOffset, config }: LogState): number {
  if (config.segmentJitterMs <= 0) return 0
  let hash = partition + endOffset
  for (let i = 0; i < topic.length; i++) hash = (hash * 31 + topic.charCodeAt(i)) >>> 0
  return hash % Math.min(config.segmentJitterMs, config.segmentMs)
}
