/**
 * Cuts a log at its end: epochs, indexes, producers and what was kept in memory shrink with it.
 */
import { baseOffset, nextOffset } from '../../transport/records/batch.ts'
import { joinPath } from '../disk/disk.ts'
import { abortCleaning } from './cleaning.ts'
import { dropSegments } from './drop-segments.ts'
import { clearEpochs, truncateEpochsFromEnd } from './leader-epochs.ts'
import { checkOrder, type LogState, segmentIndexAt } from './log-state.ts'
import { loadProducers, producerSnapshotOffsets } from './producer-reload.ts'
import { snapshotName } from './producer-snapshot.ts'
import { knowsFrom } from './producer-state.ts'
import { createSegment, findPosition, type Segment, truncateSegment } from './segment.ts'
import { dropTail } from './tail-cache.ts'
import { walkBatches } from './walk.ts'

/** A batch that `offset` would cut in two goes as a whole. */
export function truncateTo(log: LogState, offset: number) {
  truncateEpochsFromEnd(log.epochs, offset)
  if (offset >= log.endOffset) return
  const index = segmentIndexAt(log, offset)
  if (index < 0) {
    truncateFullyAndStartAt(log, offset)
    return
  }
  const { files } = log.shared
  const segment = log.segments[index]!
  const position = findPosition(segment, files, offset)
  const end = Math.min(offset, offsetAt(log, segment, position))
  beforeEndMoves(log, end)
  dropSegments(log, log.segments.splice(index + 1), 0)
  truncateSegment(segment, files, position, end)
  truncateEpochsFromEnd(log.epochs, end)
  log.endOffset = end
  dropSnapshotsAbove(log, end)
  if (knowsFrom(log.producers, end)) log.producers = loadProducers(log)
  checkOrder(log)
}

function offsetAt(log: LogState, segment: Segment, position: number): number {
  let offset = Number.MAX_SAFE_INTEGER
  walkBatches(segment, log.shared.files, position, 'headers', (b, at) => {
    offset = baseOffset(b, at)
    return false
  })
  return offset
}

export function truncateFullyAndStartAt(log: LogState, offset: number) {
  restartAt(log, offset, offset)
}

/** Empties the log; its next batch begins at `endOffset`. */
function restartAt(log: LogState, endOffset: number, startOffset: number) {
  const { directory, path, shared } = log
  beforeEndMoves(log, Math.min(endOffset, log.endOffset))
  abortCleaning(log)
  dropSegments(log, log.segments, 0)
  log.segments = [createSegment(shared.files, directory.disk, path, endOffset, shared.clock.now())]
  clearEpochs(log.epochs)
  log.producers = new Map()
  dropSnapshotsAbove(log, -1)
  log.startOffset = startOffset
  log.endOffset = endOffset
  log.recoveryPoint = endOffset
}

/**
 * Where what a follower fetched begins. Its log may start in the middle of the leader's first batch
 * (DeleteRecords); that batch comes whole, so an empty log begins with it.
 */
export function appendBegin(log: LogState, records: Buffer): number {
  const isEmpty = log.startOffset === log.endOffset
  if (!isEmpty || records.length === 0) return log.endOffset
  const first = baseOffset(records, 0)
  const straddles = first < log.endOffset && nextOffset(records, 0) > log.endOffset
  return straddles ? first : log.endOffset
}

/** Makes an empty log begin at what `appendBegin` said; its start stays. */
export function beginAt(log: LogState, offset: number) {
  if (offset !== log.endOffset) restartAt(log, offset, log.startOffset)
}

function beforeEndMoves(log: LogState, end: number) {
  abortCleaning(log, end)
  log.recoveryPoint = Math.min(log.recoveryPoint, end)
  log.lowestEnd = Math.min(log.lowestEnd, end)
  dropTail(log.tail)
  log.cursors = []
  // What is unlinked now must not come back once the recovery point has passed it.
  log.namesChanged = true
  // A recovery point above the log end would look like damage after a crash.
  if (log.recoveryPoint < log.checkpointedRecoveryPoint) {
    log.checkpointedRecoveryPoint = log.recoveryPoint
    log.checkpoints.recoveryPoints.write()
  }
  // A start above the log end would have all that comes next deleted after a crash, or hidden.
  if (end < log.startOffset) {
    log.startOffset = end
    log.checkpoints.logStarts.write()
  }
  if (log.cleanedTo === undefined || log.cleanedTo <= end) return
  // What is appended there next has never been looked at.
  log.cleanedTo = end
  log.checkpoints.cleanerOffsets.write()
}

function dropSnapshotsAbove(log: LogState, offset: number) {
  for (const of of producerSnapshotOffsets(log)) {
    if (of > offset) log.directory.disk.unlink(joinPath(log.path, snapshotName(of)))
  }
}
