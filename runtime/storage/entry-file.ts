/**
 * A file of sorted entries of one size, as both indexes are. New entries wait in memory and are
 * written a few dozen at a time: an index is rebuilt from its log after a crash, so it need not be
 * ahead of the crash. Lookups read the file; nothing of it stays in memory.
 */

import type { Disk } from '../disk/disk.ts'
import { closedFile, type OpenFile, type OpenFiles } from './open-files.ts'

const PENDING_ENTRIES = 32
const BLOCK_BYTES = 4096
/** Reads are synchronous, so one block serves all. */
const block = Buffer.allocUnsafeSlow(BLOCK_BYTES)

export type EntryFile = {
  readonly file: OpenFile
  readonly entryBytes: number
  /** Entries in the file; the pending ones come after them. */
  written: number
  pending: Buffer
  pendingCount: number
  /** Made with the first entries, or when the segment is rolled: idle logs are many. */
  exists: boolean
}

const none = Buffer.alloc(0)

/** @param fileBytes undefined where there is no file yet */
export const entryFile = (
  disk: Disk,
  path: string,
  entryBytes: number,
  fileBytes: number | undefined,
): EntryFile => ({
  file: closedFile(disk, path),
  entryBytes,
  written: Math.floor((fileBytes ?? 0) / entryBytes),
  pending: none,
  pendingCount: 0,
  exists: fileBytes !== undefined,
})

export const entryCount = (entries: EntryFile) => entries.written + entries.pendingCount

/** Room for one more entry: the caller writes it at the position returned. */
export function nextEntry(entries: EntryFile, files: OpenFiles): number {
  if (entries.pendingCount === PENDING_ENTRIES) writePending(entries, files)
  if (entries.pending.length === 0) {
    entries.pending = Buffer.allocUnsafeSlow(PENDING_ENTRIES * entries.entryBytes)
  }
  return entries.pendingCount++ * entries.entryBytes
}

/** What waits is in the file then, and the file is there. */
export function writePending(entries: EntryFile, files: OpenFiles) {
  const { entryBytes, pending, pendingCount, written } = entries
  if (!entries.exists) {
    files.make(entries.file)
    entries.exists = true
  }
  if (pendingCount === 0) return
  const bytes = pending.subarray(0, pendingCount * entryBytes)
  entries.file.disk.write(files.fd(entries.file), bytes, written * entryBytes)
  entries.written += pendingCount
  entries.pendingCount = 0
  entries.pending = none
}

/** Calls `look` with the bytes of one entry, which are good until it returns. */
export function readEntry<T>(
  entries: EntryFile,
  files: OpenFiles,
  index: number,
  look: (bytes: Buffer, at: number) => T,
): T {
  const { entryBytes, written, pending } = entries
  if (index >= written) return look(pending, (index - written) * entryBytes)
  entries.file.disk.read(files.fd(entries.file), block, 0, entryBytes, index * entryBytes)
  return look(block, 0)
}

/** The last entry that `isBelow` says is not too far, or -1; all before it are not either. */
export function searchEntries(
  entries: EntryFile,
  files: OpenFiles,
  isBelow: (bytes: Buffer, at: number) => boolean,
): number {
  const { entryBytes, written, pending, pendingCount } = entries
  if (pendingCount > 0 && isBelow(pending, 0)) {
    return written + lastBelow(pending, pendingCount, entryBytes, isBelow)
  }
  const perBlock = Math.floor(BLOCK_BYTES / entryBytes)
  let low = 0 // entries before it are below
  let high = written // it and what follows is not
  while (high - low > perBlock) {
    const middle = (low + high) >>> 1
    if (readEntry(entries, files, middle, isBelow)) low = middle + 1
    else high = middle
  }
  const bytes = (high - low) * entryBytes
  if (bytes === 0) return low - 1
  entries.file.disk.read(files.fd(entries.file), block, 0, bytes, low * entryBytes)
  return low + lastBelow(block, high - low, entryBytes, isBelow)
}

function lastBelow(
  bytes: Buffer,
  count: number,
  entryBytes: number,
  isBelow: (bytes: Buffer, at: number) => boolean,
): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (isBelow(bytes, middle * entryBytes)) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Keeps the first `count` entries. */
export function truncateEntries(entries: EntryFile, files: OpenFiles, count: number) {
  if (count >= entries.written) {
    entries.pendingCount = count - entries.written
    return
  }
  entries.pendingCount = 0
  entries.written = count
  entries.file.disk.truncate(files.fd(entries.file), count * entries.entryBytes)
}
