/**
 * The sparse offset index of a segment: last offset of a batch, relative to the segment, and where
 * that batch begins in the file. Kafka's `.index`: int32 offset, int32 position.
 */
import {
  type EntryFile,
  entryCount,
  nextEntry,
  readEntry,
  searchEntries,
  truncateEntries,
} from './entry-file.ts'
import type { OpenFiles } from './open-files.ts'

export const OFFSET_ENTRY_BYTES = 8

export type IndexedOffset = { relativeOffset: number; position: number }

const decode = (bytes: Buffer, at: number): IndexedOffset => ({
  relativeOffset: bytes.readInt32BE(at),
  position: bytes.readInt32BE(at + 4),
})

export function indexOffset(
  index: EntryFile,
  files: OpenFiles,
  relativeOffset: number,
  position: number,
) {
  const at = nextEntry(index, files)
  index.pending.writeInt32BE(relativeOffset, at)
  index.pending.writeInt32BE(position, at + 4)
}

/** Where to begin looking for an offset: no batch before this position holds it. */
export function positionBefore(index: EntryFile, files: OpenFiles, relativeOffset: number): number {
  const found = searchEntries(index, files, (b, at) => b.readInt32BE(at) <= relativeOffset)
  return found < 0 ? 0 : readEntry(index, files, found, decode).position
}

export function lastIndexedOffset(index: EntryFile, files: OpenFiles): IndexedOffset | undefined {
  const count = entryCount(index)
  return count === 0 ? undefined : readEntry(index, files, count - 1, decode)
}

/** Drops the entries of batches that begin at or behind a position. */
export function truncateOffsets(index: EntryFile, files: OpenFiles, sizeBytes: number) {
  const last = searchEntries(index, files, (b, at) => b.readInt32BE(at + 4) < sizeBytes)
  truncateEntries(index, files, last + 1)
}
