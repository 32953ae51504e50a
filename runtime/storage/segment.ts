/**
 * One segment of a log: a file of batches and its two sparse indexes, named by the first offset.
 *
 * An index entry is due every `indexIntervalBytes`; it stands at the begin of the batch that comes
 * after that many bytes, and names that batch's last offset, as Kafka's do. The last time entry is
 * written when the segment is rolled or closed.
 */
import {
  batchSize,
  lastOffset,
  maxTimestamp,
  NONE,
  nextOffset,
  recordCount,
} from '../../transport/records/batch.ts'
import { type Disk, joinPath } from '../disk/disk.ts'
import {
  type EntryFile,
  entryCount,
  entryFile,
  truncateEntries,
  writePending,
} from './entry-file.ts'
import {
  indexOffset,
  lastIndexedOffset,
  OFFSET_ENTRY_BYTES,
  positionBefore,
  truncateOffsets,
} from './offset-index.ts'
import { closedFile, type OpenFile, type OpenFiles } from './open-files.ts'
import { indexTime, lastIndexedTime, TIME_ENTRY_BYTES, truncateTimes } from './time-index.ts'
import { walkBatches } from './walk.ts'

export type Segment = {
  readonly baseOffset: number
  log: OpenFile
  sizeBytes: number
  offsets: EntryFile
  times: EntryFile
  bytesSinceIndexed: number
  /** -1 while there is none. */
  maxTimestamp: number
  /** Last offset of the batch that has it. */
  maxTimestampOffset: number
  /** The first batch's time, from which rolling by time counts; -1 while there is none. */
  firstTimestamp: number
  createdMs: number
  /** Written to since the last sync was begun. */
  dirty: boolean
  /** The same of its indexes, which are synced once it is rolled. */
  indexesDirty: boolean
  /** Its files are renamed, or going. */
  isDropped: boolean
}

export const LOG_SUFFIX = '.log'
export const OFFSET_INDEX_SUFFIX = '.index'
export const TIME_INDEX_SUFFIX = '.timeindex'

const RELATIVE_OFFSET_MAX = 0x7fff_ffff

/** Twenty digits, so that names sort as offsets do. */
export const offsetName = (offset: number) => String(offset).padStart(20, '0')

export function createSegment(
  files: OpenFiles,
  disk: Disk,
  directory: string,
  baseOffset: number,
  nowMs: number,
  suffix = '',
): Segment {
  const left = { sizeBytes: 0, createdMs: nowMs, offsetBytes: undefined, timeBytes: undefined }
  const segment = openSegment(disk, directory, baseOffset, left, suffix)
  files.make(segment.log)
  return segment
}

export type SegmentAsLeft = {
  sizeBytes: number
  createdMs: number
  /** Sizes of its indexes; undefined: missing. */
  offsetBytes: number | undefined
  timeBytes: number | undefined
}

/**
 * A segment as its files are; the caller has yet to look at what they hold.
 * @param suffix of their names, while it is not one of the log's
 */
export function openSegment(
  disk: Disk,
  directory: string,
  baseOffset: number,
  of: SegmentAsLeft,
  suffix = '',
): Segment {
  const path = joinPath(directory, offsetName(baseOffset))
  return {
    baseOffset,
    log: closedFile(disk, path + LOG_SUFFIX + suffix),
    sizeBytes: of.sizeBytes,
    offsets: entryFile(
      disk,
      path + OFFSET_INDEX_SUFFIX + suffix,
      OFFSET_ENTRY_BYTES,
      of.offsetBytes,
    ),
    times: entryFile(disk, path + TIME_INDEX_SUFFIX + suffix, TIME_ENTRY_BYTES, of.timeBytes),
    bytesSinceIndexed: 0,
    maxTimestamp: -1,
    maxTimestampOffset: -1,
    firstTimestamp: -1,
    createdMs: of.createdMs,
    dirty: false,
    indexesDirty: of.offsetBytes === undefined || of.timeBytes === undefined,
    isDropped: false,
  }
}

/** Appends checked batches of the log end as one write. */
export function appendToSegment(
  segment: Segment,
  files: OpenFiles,
  records: Buffer,
  indexIntervalBytes: number,
) {
  segment.dirty = true
  segment.indexesDirty = true
  segment.log.disk.write(files.fd(segment.log), records, segment.sizeBytes)
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    indexBatch(segment, files, records, at, segment.sizeBytes + at, indexIntervalBytes)
  }
  segment.sizeBytes += records.length
}

/** What a segment remembers of a batch at a position of its file. */
export function indexBatch(
  segment: Segment,
  files: OpenFiles,
  records: Buffer,
  at: number,
  position: number,
  indexIntervalBytes: number,
) {
  const last = lastOffset(records, at)
  noteTimestamp(segment, latestTime(records, at), last)
  if (segment.bytesSinceIndexed > indexIntervalBytes) {
    indexOffset(segment.offsets, files, last - segment.baseOffset, position)
    indexMaxTimestamp(segment, files)
    segment.bytesSinceIndexed = 0
  }
  segment.bytesSinceIndexed += batchSize(records, at)
}

/** A batch that compaction emptied has no time to find a record by. */
export const latestTime = (b: Buffer, at: number) =>
  recordCount(b, at) === 0 ? NONE : maxTimestamp(b, at)

export function noteTimestamp(segment: Segment, timestamp: number, offset: number) {
  if (segment.firstTimestamp === -1) segment.firstTimestamp = timestamp
  if (timestamp > segment.maxTimestamp) {
    segment.maxTimestamp = timestamp
    segment.maxTimestampOffset = offset
  }
}

function indexMaxTimestamp(segment: Segment, files: OpenFiles) {
  if (segment.maxTimestamp === -1) return
  const relative = segment.maxTimestampOffset - segment.baseOffset
  indexTime(segment.times, files, segment.maxTimestamp, relative)
}

/** Completes the indexes of a segment that is written no more. */
export function closeIndexes(segment: Segment, files: OpenFiles) {
  indexMaxTimestamp(segment, files)
  writeIndexes(segment, files)
}

export function writeIndexes(segment: Segment, files: OpenFiles) {
  writePending(segment.offsets, files)
  writePending(segment.times, files)
}

/** Position of the first batch whose last offset is not below `offset`; the size where none is. */
export function findPosition(segment: Segment, files: OpenFiles, offset: number): number {
  const relative = Math.min(offset - segment.baseOffset, RELATIVE_OFFSET_MAX)
  const from = relative <= 0 ? 0 : positionBefore(segment.offsets, files, relative)
  return walkBatches(segment, files, from, 'headers', (b, at) => nextOffset(b, at) <= offset)
}

/** Whether an offset can be told relative to this segment. */
export const fitsSegment = (segment: Segment, offset: number) =>
  offset - segment.baseOffset <= RELATIVE_OFFSET_MAX

export function areIndexesFull(segment: Segment, indexBytesMax: number) {
  return (
    entryCount(segment.offsets) >= Math.floor(indexBytesMax / OFFSET_ENTRY_BYTES) ||
    entryCount(segment.times) >= Math.floor(indexBytesMax / TIME_ENTRY_BYTES) - 1
  )
}

/** Cuts the file at a batch's begin; `endOffset` is what the last remaining batch ends at. */
export function truncateSegment(
  segment: Segment,
  files: OpenFiles,
  sizeBytes: number,
  endOffset: number,
) {
  segment.dirty = true
  segment.indexesDirty = true
  segment.log.disk.truncate(files.fd(segment.log), sizeBytes)
  segment.sizeBytes = sizeBytes
  truncateOffsets(segment.offsets, files, sizeBytes)
  truncateTimes(segment.times, files, endOffset - segment.baseOffset)
  restoreTimestamps(segment, files)
}

/**
 * Finds the times of a segment again, from what its indexes do not tell.
 * @returns where its last whole batch ends, as offset and as position
 */
export function restoreTimestamps(segment: Segment, files: OpenFiles) {
  const indexed = lastIndexedTime(segment.times, files)
  segment.firstTimestamp = -1
  segment.maxTimestamp = indexed?.timestamp ?? -1
  segment.maxTimestampOffset = (indexed?.relativeOffset ?? -1) + segment.baseOffset
  walkBatches(segment, files, 0, 'headers', (b, at) => {
    segment.firstTimestamp = maxTimestamp(b, at)
    return false
  })
  const from = lastIndexedOffset(segment.offsets, files)?.position ?? 0
  segment.bytesSinceIndexed = segment.sizeBytes - from
  let endOffset = segment.baseOffset
  const position = walkBatches(segment, files, from, 'headers', (b, at) => {
    noteTimestamp(segment, latestTime(b, at), lastOffset(b, at))
    endOffset = nextOffset(b, at)
    return true
  })
  return { endOffset, position }
}

/** Forgets both indexes, so that they can be made anew. */
export function clearIndexes(segment: Segment, files: OpenFiles) {
  segment.indexesDirty = true
  truncateEntries(segment.offsets, files, 0)
  truncateEntries(segment.times, files, 0)
  segment.bytesSinceIndexed = 0
  segment.maxTimestamp = -1
  segment.maxTimestampOffset = -1
  segment.firstTimestamp = -1
}

/** Those that are there. */
export function segmentFiles({ log, offsets, times }: Segment): OpenFile[] {
  return [log, ...[offsets, times].filter(({ exists }) => exists).map(({ file }) => file)]
}

export function closeSegment(segment: Segment, files: OpenFiles) {
  for (const file of segmentFiles(segment)) files.close(file)
}
