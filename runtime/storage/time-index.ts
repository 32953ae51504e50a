/**
 * The sparse time index of a segment: the largest timestamp so far, and the offset it stands at.
 * Kafka's `.timeindex`: int64 timestamp, int32 relative offset; timestamps rise strictly.
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

export const TIME_ENTRY_BYTES = 12

export type IndexedTime = { timestamp: number; relativeOffset: number }

const timestampAt = (bytes: Buffer, at: number) =>
  bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4)

const decode = (bytes: Buffer, at: number): IndexedTime => ({
  timestamp: timestampAt(bytes, at),
  relativeOffset: bytes.readInt32BE(at + 8),
})

/** Enters a timestamp that is above all before it; others add nothing. */
export function indexTime(
  index: EntryFile,
  files: OpenFiles,
  timestamp: number,
  relativeOffset: number,
) {
  const last = lastIndexedTime(index, files)
  if (last !== undefined && last.timestamp >= timestamp) return
  const at = nextEntry(index, files)
  index.pending.writeInt32BE(Math.floor(timestamp / 0x1_0000_0000), at)
  index.pending.writeInt32BE(timestamp | 0, at + 4)
  index.pending.writeInt32BE(relativeOffset, at + 8)
}

export function lastIndexedTime(index: EntryFile, files: OpenFiles): IndexedTime | undefined {
  const count = entryCount(index)
  return count === 0 ? undefined : readEntry(index, files, count - 1, decode)
}

/** The last entry below a timestamp: nothing up to its offset is as late. */
export function timeBefore(
  index: EntryFile,
  files: OpenFiles,
  timestamp: number,
): IndexedTime | undefined {
  const found = searchEntries(index, files, (b, at) => timestampAt(b, at) < timestamp)
  return found < 0 ? undefined : readEntry(index, files, found, decode)
}

export function truncateTimes(index: EntryFile, files: OpenFiles, relativeOffset: number) {
  const last = searchEntries(index, files, (b, at) => b.readInt32BE(at + 8) < relativeOffset)
  truncateEntries(index, files, last + 1)
}
