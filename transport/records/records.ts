/**
 * The records inside one batch: decoded when somebody has to look (control batches, coordinators,
 * validation), encoded for the batches that we write ourselves.
 *
 * Source: Kafka's message format v2. Keys, values and headers are subarrays of the batch, or of
 * its unpacked records; they live as long as that buffer is left alone.
 */
import { refuse } from '../protocol/errors.ts'
import {
  BATCH_HEADER_BYTES,
  baseOffset,
  baseTimestamp,
  batchSize,
  type Compression,
  compression,
  encodeAttributes,
  maxTimestamp,
  NONE,
  recordCount,
  type TimestampType,
  timestampType,
  writeHeader,
} from './batch.ts'
import { compress, decompress, UNPACKED_BYTES_MAX } from './compression.ts'
import {
  type Cursor,
  readByte,
  readVarint,
  readVarlong,
  varintSize,
  writeVarint,
} from './varint.ts'

export type Header = { key: string; value: Buffer | null }

export type RecordEntry = {
  offset: number
  timestamp: number
  key: Buffer | null
  value: Buffer | null
  headers: Header[]
}

/**
 * The records of the batch at a position, in order.
 * @param unpackedBytesMax bound of its records once decompressed
 * @throws KafkaError INVALID_RECORD or CORRUPT_MESSAGE; records yielded before it were sound
 */
export function* records(
  b: Buffer,
  at: number,
  unpackedBytesMax = UNPACKED_BYTES_MAX,
): Generator<RecordEntry, void> {
  const packed = b.subarray(at + BATCH_HEADER_BYTES, at + batchSize(b, at))
  yield* recordsIn(b, at, decompress(compression(b, at), packed, unpackedBytesMax))
}

/**
 * The records of the batch at a position, whose unpacked bytes are at hand.
 * @throws KafkaError INVALID_RECORD; records yielded before it were sound
 */
export function* recordsIn(b: Buffer, at: number, bytes: Buffer): Generator<RecordEntry, void> {
  const cursor: Cursor = { bytes, at: 0, end: bytes.length }
  const base = { offset: baseOffset(b, at), timestamp: baseTimestamp(b, at) }
  const stamped = timestampType(b, at) === 'LogAppendTime' ? maxTimestamp(b, at) : undefined
  for (let left = recordCount(b, at); left > 0; left--) {
    const entry = readRecord(cursor, base)
    if (stamped !== undefined) entry.timestamp = stamped
    yield entry
  }
  if (cursor.at !== bytes.length) {
    refuse('INVALID_RECORD', `${bytes.length - cursor.at} bytes behind the last record`)
  }
}

function readRecord(cursor: Cursor, base: { offset: number; timestamp: number }): RecordEntry {
  cursor.end = cursor.bytes.length
  const length = readVarint(cursor)
  if (length < 0 || length > cursor.bytes.length - cursor.at) {
    refuse('INVALID_RECORD', `a record of ${length} bytes, ${cursor.bytes.length - cursor.at} left`)
  }
  cursor.end = cursor.at + length
  readByte(cursor) // attributes, unused so far
  const timestamp = base.timestamp + readVarlong(cursor)
  const offset = base.offset + readVarint(cursor)
  const key = readBytes(cursor)
  const value = readBytes(cursor)
  const headers = readHeaders(cursor)
  if (cursor.at !== cursor.end) refuse('INVALID_RECORD', 'bytes behind the headers of a record')
  return { offset, timestamp, key, value, headers }
}

function readBytes(cursor: Cursor): Buffer | null {
  const length = readVarint(cursor)
  if (length < 0) return null
  if (length > cursor.end - cursor.at) refuse('INVALID_RECORD', `${length} bytes do not fit`)
  cursor.at += length
  return cursor.bytes.subarray(cursor.at - length, cursor.at)
}

function readHeaders(cursor: Cursor): Header[] {
  const count = readVarint(cursor)
  // A header takes two bytes at least.
  if (count < 0 || count * 2 > cursor.end - cursor.at) {
    refuse('INVALID_RECORD', `${count} headers in ${cursor.end - cursor.at} bytes`)
  }
  const headers: Header[] = []
  for (let left = count; left > 0; left--) {
    const key = readBytes(cursor) ?? refuse('INVALID_RECORD', 'a header without a key')
    headers.push({ key: key.toString('utf8'), value: readBytes(cursor) })
  }
  return headers
}

export type NewRecord = {
  key: Buffer | null
  value: Buffer | null
  headers?: Header[]
  timestamp: number
  /** Where compaction left gaps; absent: one behind the record before. */
  offset?: number
}

export type NewBatch = {
  baseOffset: number
  leaderEpoch: number
  records: NewRecord[]
  compression?: Compression
  timestampType?: TimestampType
  isTransactional?: boolean
  isControl?: boolean
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
}

/** One batch with its CRC. A batch holds at least one record. */
export function encodeBatch(batch: NewBatch): Buffer {
  const first = batch.records[0] ?? refuse('INVALID_RECORD', 'a batch without records')
  const offsets = offsetsOf(batch)
  const bodies = batch.records.map((record, index) => ({
    record,
    timestampDelta: record.timestamp - first.timestamp,
    offsetDelta: offsets[index]! - batch.baseOffset,
  }))
  const sizes = bodies.map(bodySize)
  const plainBytes = sizes.reduce((sum, size) => sum + varintSize(size) + size, 0)
  const whole = Buffer.allocUnsafe(BATCH_HEADER_BYTES + plainBytes)
  let p: number = BATCH_HEADER_BYTES
  for (let i = 0; i < bodies.length; i++) p = writeBody(whole, p, sizes[i]!, bodies[i]!)
  const codec = batch.compression ?? 'none'
  const out = codec === 'none' ? whole : packed(codec, whole)
  writeHeader(out, 0, out.length, {
    baseOffset: batch.baseOffset,
    partitionLeaderEpoch: batch.leaderEpoch,
    attributes: encodeAttributes({
      compression: codec,
      timestampType: batch.timestampType ?? 'CreateTime',
      isTransactional: batch.isTransactional ?? false,
      isControl: batch.isControl ?? false,
      hasDeleteHorizon: false,
    }),
    lastOffsetDelta: offsets[offsets.length - 1]! - batch.baseOffset,
    baseTimestamp: first.timestamp,
    maxTimestamp: batch.records.reduce((max, { timestamp }) => Math.max(max, timestamp), NONE),
    producerId: batch.producerId ?? NONE,
    producerEpoch: batch.producerEpoch ?? NONE,
    baseSequence: batch.baseSequence ?? NONE,
    recordCount: batch.records.length,
  })
  return out
}

function packed(codec: Compression, whole: Buffer): Buffer {
  const records = compress(codec, whole.subarray(BATCH_HEADER_BYTES))
  const out = Buffer.allocUnsafe(BATCH_HEADER_BYTES + records.length)
  records.copy(out, BATCH_HEADER_BYTES)
  return out
}

function offsetsOf(batch: NewBatch): number[] {
  let next = batch.baseOffset
  return batch.records.map((record) => {
    const offset = record.offset ?? next
    next = offset + 1
    return offset
  })
}

type Body = { record: NewRecord; timestampDelta: number; offsetDelta: number }

const bytesSize = (bytes: Buffer | null) =>
  bytes === null ? varintSize(NONE) : varintSize(bytes.length) + bytes.length

function bodySize({ record, timestampDelta, offsetDelta }: Body): number {
  const headers = record.headers ?? []
  let size = 1 + varintSize(timestampDelta) + varintSize(offsetDelta)
  size += bytesSize(record.key) + bytesSize(record.value) + varintSize(headers.length)
  for (const { key, value } of headers) {
    const length = Buffer.byteLength(key)
    size += varintSize(length) + length + bytesSize(value)
  }
  return size
}

function writeBody(b: Buffer, at: number, size: number, body: Body): number {
  const { record, timestampDelta, offsetDelta } = body
  const headers = record.headers ?? []
  let p = writeVarint(b, at, size)
  b[p++] = 0
  p = writeVarint(b, p, timestampDelta)
  p = writeVarint(b, p, offsetDelta)
  p = writeBytes(b, p, record.key)
  p = writeBytes(b, p, record.value)
  p = writeVarint(b, p, headers.length)
  for (const { key, value } of headers) {
    p = writeVarint(b, p, Buffer.byteLength(key))
    p += b.write(key, p)
    p = writeBytes(b, p, value)
  }
  return p
}

function writeBytes(b: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return writeVarint(b, at, NONE)
  const p = writeVarint(b, at, bytes.length)
  return p + bytes.copy(b, p)
}
