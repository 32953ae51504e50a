/**
 * One pass over the records of a batch, without making any of them: are they what the header says, and
 * what are their smallest and largest times? It runs on every batch that a producer sends, so it
 * allocates nothing per record, and what most records look like is read without a call.
 *
 * Source: Kafka's DefaultRecord and DefaultRecordBatch of 4.3.0, whose checks these are.
 */
import { refuse } from '../protocol/errors.ts'
import { type Cursor, readByte, readVarint, readVarlong } from './varint.ts'

/** What a pass found. Deltas count from the base of the batch. */
export type Scanned = {
  minTimestampDelta: number
  maxTimestampDelta: number
  hasRecordWithoutKey: boolean
  /** Offset deltas are 0, 1, 2, ... */
  isDense: boolean
}

/** The varints in front of a usual record's key: its length and its key's in two bytes, deltas in three. */
const USUAL_BYTES_MAX = 2 + 1 + 3 + 3 + 2

/**
 * @param bytes plain records, nothing before and nothing behind them in `[from, to)`
 * @param count above 0
 * @throws KafkaError INVALID_RECORD: they are not `count` records
 */
export function scanRecords(bytes: Buffer, from: number, to: number, count: number): Scanned {
  const found: Scanned = {
    minTimestampDelta: Number.POSITIVE_INFINITY,
    maxTimestampDelta: Number.NEGATIVE_INFINITY,
    hasRecordWithoutKey: false,
    isDense: true,
  }
  const cursor: Cursor = { bytes, at: from, end: to }
  // Those of usual records; of all others, `found` is told.
  let min = 0x7fff_ffff
  let max = -0x8000_0000
  let sparse = 0
  let keyless = 0
  let next = from
  for (let index = 0; index < count; index++) {
    let at = next
    if (at + USUAL_BYTES_MAX < to) {
      let length = bytes[at++]!
      if (length >= 0x80) length = (length & 0x7f) | (bytes[at++]! << 7)
      const end = at + (length >>> 1)
      at++ // attributes, unused so far
      let time = bytes[at++]!
      if (time >= 0x80) {
        time = (time & 0x7f) | (bytes[at++]! << 7)
        if (time >= 0x4000) time = (time & 0x3fff) | (bytes[at++]! << 14)
      }
      let offset = bytes[at++]!
      if (offset >= 0x80) {
        offset = (offset & 0x7f) | (bytes[at++]! << 7)
        if (offset >= 0x4000) offset = (offset & 0x3fff) | (bytes[at++]! << 14)
      }
      let key = bytes[at++]!
      if (key >= 0x80) key = (key & 0x7f) | (bytes[at++]! << 7)
      // A null, or a size: -1 is 1 in zigzag, other odd ones are negative, too.
      if ((key & 1) === 0) at += key >>> 1
      const isNarrow =
        length < 0x4000 && time < 0x20_0000 && offset < 0x20_0000 && key < 0x4000 && !(length & 1)
      if (isNarrow && at + 1 < end && end <= to) {
        let value = bytes[at++]!
        if (value >= 0x80) value = (value & 0x7f) | (bytes[at++]! << 7)
        if ((value & 1) === 0) at += value >>> 1
        // The last byte says: no headers.
        if (value < 0x4000 && at === end - 1 && bytes[at] === 0) {
          const delta = (time >>> 1) ^ -(time & 1)
          if (delta < min) min = delta
          if (delta > max) max = delta
          sparse |= offset ^ (index << 1)
          keyless |= key & 1
          next = end
          continue
        }
      }
    }
    cursor.at = next
    cursor.end = to
    scanRecord(cursor, index, found)
    next = cursor.at
  }
  if (next !== to)
    refuse('INVALID_RECORD', `${to - next} bytes behind the last of ${count} records`)
  if (min <= max) {
    found.minTimestampDelta = Math.min(found.minTimestampDelta, min)
    found.maxTimestampDelta = Math.max(found.maxTimestampDelta, max)
  }
  if (sparse !== 0) found.isDense = false
  if (keyless !== 0) found.hasRecordWithoutKey = true
  return found
}

/** Any record, byte by byte. */
function scanRecord(cursor: Cursor, index: number, found: Scanned) {
  const length = readVarint(cursor)
  const end = cursor.at + length
  if (length < 0 || end > cursor.end) {
    refuse('INVALID_RECORD', `a record of ${length} bytes, ${cursor.end - cursor.at} left`)
  }
  cursor.end = end
  readByte(cursor) // attributes, unused so far
  const delta = readVarlong(cursor)
  found.minTimestampDelta = Math.min(found.minTimestampDelta, delta)
  found.maxTimestampDelta = Math.max(found.maxTimestampDelta, delta)
  if (readVarint(cursor) !== index) found.isDense = false
  if (skipBytes(cursor) < 0) found.hasRecordWithoutKey = true
  skipBytes(cursor)
  const headers = readVarint(cursor)
  if (headers < 0 || headers > end - cursor.at) {
    refuse('INVALID_RECORD', `${headers} headers in ${end - cursor.at} bytes`)
  }
  for (let left = headers; left > 0; left--) {
    if (skipBytes(cursor) < 0) refuse('INVALID_RECORD', 'a header without a key')
    skipBytes(cursor)
  }
  if (cursor.at !== end) refuse('INVALID_RECORD', `record ${index} does not end where it says`)
}

/** @returns the length that stood there, below 0 for null */
function skipBytes(cursor: Cursor): number {
  const length = readVarint(cursor)
  if (length > cursor.end - cursor.at) refuse('INVALID_RECORD', `${length} bytes do not fit`)
  if (length > 0) cursor.at += length
  return length
}
