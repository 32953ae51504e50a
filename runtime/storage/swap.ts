/**
 * Puts a cleaned segment in the place of those that it holds the rest of, such that a crash at any
 * point leaves either them or it.
 *
 * Its files are written as `.cleaned` and synced. Renamed to `.swap` they are complete and promised:
 * from then on a start finishes the work. Each step is durable before the next one begins.
 *
 * Source: Kafka's LocalLog.replaceSegments and LogLoader.
 */
import { nextOffset } from '../../transport/records/batch.ts'
import { joinPath } from '../disk/disk.ts'
import { type Cleaning, isStopped } from './cleaning.ts'
import { DELETED_SUFFIX } from './deletions.ts'
import { hideSegments } from './drop-segments.ts'
import type { LogState } from './log-state.ts'
import { closedFile } from './open-files.ts'
import { createSegment, LOG_SUFFIX, type Segment, segmentFiles } from './segment.ts'
import { dropTail } from './tail-cache.ts'
import { walkBatches } from './walk.ts'

export const CLEANED = '.cleaned'
export const SWAP = '.swap'

const SEGMENT_FILE = /^(\d{20})\.(log|index|timeindex)$/

export const createDraft = ({ shared, directory, path }: LogState, of: Segment): Segment =>
  createSegment(shared.files, directory.disk, path, of.baseOffset, of.createdMs, CLEANED)

/** @returns false where the cleaning was ended meanwhile: its log is as it was */
export async function replaceSegments(
  log: LogState,
  cleaning: Cleaning,
  old: Segment[],
  draft: Segment,
): Promise<boolean> {
  renameAll(log, draft, CLEANED, SWAP)
  await syncNames(log)
  if (isStopped(log, cleaning)) return false
  cleaning.draft = undefined
  log.segments.splice(log.segments.indexOf(old[0]!), old.length, draft)
  log.cursors = []
  dropTail(log.tail) // it still holds what has just been removed
  const hidden = hideSegments(log, old)
  await syncNames(log)
  if (log.isGone) return false
  if (!draft.isDropped) renameAll(log, draft, SWAP, '')
  await syncNames(log)
  if (log.isGone) return false
  log.shared.deletions.later(log.directory.disk, hidden, log.config.fileDeleteDelayMs)
  return true
}

/** The log last: with its new name all is there. */
function renameAll(log: LogState, segment: Segment, from: string, to: string) {
  for (const file of segmentFiles(segment).reverse()) {
    const path = file.path.slice(0, file.path.length - from.length) + to
    log.directory.disk.rename(file.path, path)
    file.path = path
  }
}

async function syncNames(log: LogState) {
  await log.shared.syncs.run(async () => {
    if (!log.isGone) await log.directory.disk.datasyncDirectory(log.path)
  })
}

/** At the start: what was promised is done. Indexes are made anew where they are missing. */
export function finishSwaps({ directory: { disk }, path, shared }: LogState) {
  const names = disk.readdir(path)
  const swaps = names.filter((name) => name.endsWith(LOG_SUFFIX + SWAP))
  if (swaps.length === 0) return
  for (const swap of swaps) {
    const base = Number(swap.slice(0, 20))
    const end = Math.max(base + 1, endOf(swap))
    for (const name of names) {
      const offset = Number(SEGMENT_FILE.exec(name)?.[1] ?? -1)
      if (offset < base || offset >= end) continue
      disk.rename(joinPath(path, name), joinPath(path, name + DELETED_SUFFIX))
    }
    disk.syncDirectory(path)
    disk.rename(joinPath(path, swap), joinPath(path, swap.slice(0, -SWAP.length)))
  }
  disk.syncDirectory(path)

  function endOf(name: string): number {
    const log = closedFile(disk, joinPath(path, name))
    const sizeBytes = disk.stat(log.path)!.sizeBytes
    let end = 0
    walkBatches({ log, sizeBytes }, shared.files, 0, 'headers', (b, at) => {
      end = nextOffset(b, at)
      return true
    })
    shared.files.close(log)
    return end
  }
}
