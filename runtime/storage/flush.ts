/**
 * Makes a log durable. One flush in flight per log, and callers that come meanwhile share the next
 * one: appends stay synchronous, and any number of them costs one sync (group commit).
 *
 * A completion counts for what was there when it was begun, less what was cut since (S14).
 */
import { joinPath } from '../disk/disk.ts'
import { formatEpochs, LEADER_EPOCHS } from './checkpoints.ts'
import { entryCount } from './entry-file.ts'
import { activeSegment, type LogState, segmentIndexAt } from './log-state.ts'
import { closedFile, type OpenFile } from './open-files.ts'
import { PARTITION_METADATA } from './partition-metadata.ts'
import { type Segment, writeIndexes } from './segment.ts'
import { replaceFileLater } from './small-files.ts'

/** @returns the offset below which all is durable */
export function flush(log: LogState): Promise<number> {
  if (log.flushingNext !== undefined) return log.flushingNext
  if (log.flushing === undefined) return begin(log)
  const next = () => {
    log.flushingNext = undefined
    return begin(log)
  }
  log.flushingNext = log.flushing.then(next, next)
  return log.flushingNext
}

/** A failure takes the directory offline, which its listeners hear of. */
export function flushInBackground(log: LogState) {
  flush(log).catch(() => {})
}

function begin(log: LogState): Promise<number> {
  const flushing = syncAll(log).finally(() => {
    log.flushing = undefined
  })
  log.flushing = flushing
  return flushing
}

async function syncAll(log: LogState): Promise<number> {
  const { endOffset } = log
  const segments = log.segments.slice(Math.max(0, segmentIndexAt(log, log.recoveryPoint)))
  log.lowestEnd = endOffset
  log.lastFlushMs = log.shared.clock.now()
  if (log.namesChanged) await syncNames(log)
  // Behind the recovery point nobody reads the batches again, so their epochs must be known.
  if (log.epochs.changed) await syncEpochs(log)
  for (const segment of segments) await syncSegment(log, segment)
  if (log.isGone) return log.recoveryPoint
  // With nothing left to sync nothing fails, yet what failed before is not durable (S6).
  const failure = log.directory.disk.failure()
  if (failure !== undefined) throw failure
  const durable = Math.min(endOffset, log.lowestEnd)
  log.recoveryPoint = Math.max(log.recoveryPoint, durable)
  return durable
}

async function syncNames(log: LogState) {
  log.namesChanged = false
  const metadata = closedFile(log.directory.disk, joinPath(log.path, PARTITION_METADATA))
  await syncFile(log, metadata, () => !log.isGone)
  log.shared.files.close(metadata)
  await log.shared.syncs.run(async () => {
    if (!log.isGone) await log.directory.disk.datasyncDirectory(log.path)
  })
  await log.directory.syncNames()
  // What went meanwhile waits for the next one.
  if (!log.namesChanged) log.dropsUnsynced = false
}

const syncEpochs = (log: LogState) =>
  log.shared.syncs.run(async () => {
    if (log.isGone) return
    log.epochs.changed = false
    const content = formatEpochs(log.epochs.entries)
    const isWanted = () => !log.isGone
    await replaceFileLater(log.directory.disk, log.path, LEADER_EPOCHS, content, isWanted)
  })

/** Indexes of rolled segments are trusted after a crash; those of the active one are made anew. */
async function syncSegment(log: LogState, segment: Segment) {
  const isWanted = () => !log.isGone && !segment.isDropped
  if (segment.dirty) {
    segment.dirty = false
    await syncFile(log, segment.log, isWanted)
  }
  if (!segment.indexesDirty || segment === activeSegment(log) || !isWanted()) return
  segment.indexesDirty = false
  await syncIndexes(log, segment, isWanted)
}

/** An empty index that a crash loses is made anew. */
export async function syncIndexes(log: LogState, segment: Segment, isWanted: () => boolean) {
  writeIndexes(segment, log.shared.files)
  for (const index of [segment.offsets, segment.times]) {
    if (entryCount(index) > 0) await syncFile(log, index.file, isWanted)
  }
}

/** @param isWanted see `syncFile` */
export const syncLogFile = (log: LogState, segment: Segment, isWanted: () => boolean) =>
  syncFile(log, segment.log, isWanted)

/** @param isWanted asked when its turn comes: the segment may have been cut away meanwhile */
async function syncFile(log: LogState, file: OpenFile, isWanted: () => boolean) {
  const { files, syncs } = log.shared
  await syncs.run(async () => {
    if (isWanted()) await files.whilePinned(file, (fd) => log.directory.disk.datasync(fd))
  })
}
