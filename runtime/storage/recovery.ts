/**
 * After an unclean stop: reads every batch from the recovery point's segment on, cuts what is not
 * whole and makes indexes and epochs anew (S1, S2, S7). What was compacted had been synced, and tells no
 * longer where its epochs began: of those the table is right.
 *
 * Only what was never known to be durable may be missing. A log that ends below its recovery point,
 * or one whose bad batch is followed by a good one, has lost more than a torn tail.
 */

import { baseOffset, nextOffset, partitionLeaderEpoch } from '../../transport/records/batch.ts'
import { dropSegments } from './drop-segments.ts'
import { heldEndBehind, isWhole } from './held-end.ts'
import { assignEpoch, epochAt, latestEpoch, truncateEpochsFromEnd } from './leader-epochs.ts'
import { type LogState, mayHaveGaps, segmentIndexAt } from './log-state.ts'
import { clearIndexes, closeIndexes, indexBatch, type Segment } from './segment.ts'
import { walkBatches } from './walk.ts'

/** Between slices the loop turns. */
const SLICE_BYTES = 4 * 1024 * 1024

export type Pause = () => Promise<void>

/** Sets the log's end and epochs. @returns the end of the last sound batch that stood behind what was cut */
export async function recover(log: LogState, pause: Pause): Promise<number> {
  const first = Math.max(0, segmentIndexAt(log, log.recoveryPoint))
  let end = log.segments[first]!.baseOffset
  let epoch = epochAt(log.epochs, end - 1) ?? -1
  truncateEpochsFromEnd(log.epochs, Math.max(end, log.cleanedTo ?? 0))
  for (let index = first; index < log.segments.length; index++) {
    const segment = log.segments[index]!
    if (segment.baseOffset < end || (segment.baseOffset > end && !mayHaveGaps(log))) {
      return cutSegments(log, index, end, 0)
    }
    const found = await recoverSegment(log, segment, epoch, pause)
    end = found.end
    epoch = found.epoch
    if (found.position < segment.sizeBytes) {
      const heldEnd = heldEndBehind(segment, log.shared.files, found.position)
      cutFile(log, segment, found.position)
      return cutSegments(log, index + 1, end, heldEnd)
    }
    if (index < log.segments.length - 1) closeIndexes(segment, log.shared.files)
  }
  log.endOffset = end
  return end
}

function cutSegments(log: LogState, from: number, end: number, heldEnd: number): number {
  const dropped = log.segments.splice(from)
  const last = dropped.findLast(({ sizeBytes }) => sizeBytes > 0)
  const heldThere = last === undefined ? 0 : heldEndBehind(last, log.shared.files, 0)
  dropSegments(log, dropped, 0)
  log.endOffset = end
  return Math.max(end, heldEnd, last?.baseOffset ?? 0, heldThere)
}

function cutFile(log: LogState, segment: Segment, sizeBytes: number) {
  segment.log.disk.truncate(log.shared.files.fd(segment.log), sizeBytes)
  segment.sizeBytes = sizeBytes
}

async function recoverSegment(log: LogState, segment: Segment, epochBefore: number, pause: Pause) {
  const { files } = log.shared
  clearIndexes(segment, files)
  segment.dirty = true // what was read may be in the page cache only
  let end = segment.baseOffset
  let epoch = epochBefore
  let position = 0
  for (;;) {
    const sliceEnd = position + SLICE_BYTES
    let isSliceDone = false
    position = walkBatches(segment, files, position, 'whole', (bytes, at, where) => {
      isSliceDone = where >= sliceEnd
      if (isSliceDone || !isSound(log, bytes, at, end, epoch)) return false
      epoch = Math.max(epoch, partitionLeaderEpoch(bytes, at))
      if (epoch > (latestEpoch(log.epochs) ?? -1))
        assignEpoch(log.epochs, epoch, baseOffset(bytes, at))
      indexBatch(segment, files, bytes, at, where, log.config.indexIntervalBytes)
      end = nextOffset(bytes, at)
      return true
    })
    if (!isSliceDone) return { end, epoch, position }
    await pause()
  }
}

function isSound(
  log: LogState,
  bytes: Buffer,
  at: number,
  expected: number,
  epoch: number,
): boolean {
  if (!isWhole(bytes, at)) return false
  const offset = baseOffset(bytes, at)
  if (offset < expected || (offset > expected && !mayHaveGaps(log))) return false
  return partitionLeaderEpoch(bytes, at) >= epoch
}
