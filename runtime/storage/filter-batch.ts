/**
 * One batch without the records that compaction removes. Base offset, last offset, sequences and
 * epochs stay, so offsets keep their gaps and producers their state; records that stay are copied
 * byte by byte.
 *
 * Source: Kafka's MemoryRecords.filterTo and KIP-534: tombstones, and markers that have outlived
 * their data, give their batch a delete horizon when they are first met, which takes the place of
 * its base timestamp.
 */
import { refuse } from '../../transport/protocol/errors.ts'
import {
  BATCH_HEADER_BYTES,
  baseOffset,
  baseSequence,
  baseTimestamp,
  batchSize,
  compression,
  deleteHorizon,
  encodeAttributes,
  isControl,
  isTransactional,
  lastOffsetDelta,
  maxTimestamp,
  NONE,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
  recordCount,
  timestampType,
  writeHeader,
} from '../../transport/records/batch.ts'
import { compress, decompress, UNPACKED_BYTES_MAX } from '../../transport/records/compression.ts'
import {
  type Cursor,
  readByte,
  readVarint,
  readVarlong,
  varintSize,
  writeVarint,
} from '../../transport/records/varint.ts'

/** A record where it stands among the unpacked bytes. */
export type RawRecord = {
  offset: number
  key: Buffer | null
  isTombstone: boolean
  start: number
  /** Where the offset delta begins. */
  rest: number
  end: number
  timestampDelta: number
}

export type BatchRule = {
  keeps: (record: RawRecord) => boolean
  /** Without records its header stays: the log's last batch, or a producer's. */
  keepsHeader: boolean
  /** A marker whose data has gone. */
  isMarkerWithoutData: boolean
  /** What a horizon set now is. */
  newHorizonMs: number
}

/** @throws KafkaError INVALID_RECORD, CORRUPT_MESSAGE */
export function unpack(b: Buffer, at: number): Buffer {
  const packed = b.subarray(at + BATCH_HEADER_BYTES, at + batchSize(b, at))
  return decompress(compression(b, at), packed, UNPACKED_BYTES_MAX)
}

/** @throws KafkaError INVALID_RECORD; records yielded before it were sound */
export function* rawRecords(b: Buffer, at: number, plain: Buffer): Generator<RawRecord, void> {
  const base = baseOffset(b, at)
  const cursor: Cursor = { bytes: plain, at: 0, end: plain.length }
  for (let left = recordCount(b, at); left > 0; left--) {
    const start = cursor.at
    cursor.end = plain.length
    const length = readVarint(cursor)
    if (length < 0 || length > plain.length - cursor.at) {
      refuse('INVALID_RECORD', `a record of ${length} bytes, ${plain.length - cursor.at} left`)
    }
    cursor.end = cursor.at + length
    readByte(cursor)
    const timestampDelta = readVarlong(cursor)
    const rest = cursor.at
    const offset = base + readVarint(cursor)
    const keyBytes = readVarint(cursor)
    if (keyBytes > cursor.end - cursor.at) refuse('INVALID_RECORD', `a key of ${keyBytes} bytes`)
    const key = keyBytes < 0 ? null : plain.subarray(cursor.at, cursor.at + keyBytes)
    cursor.at += Math.max(0, keyBytes)
    const isTombstone = readVarint(cursor) < 0
    cursor.at = cursor.end
    yield { offset, key, isTombstone, start, rest, end: cursor.at, timestampDelta }
  }
  if (cursor.at !== plain.length) {
    refuse('INVALID_RECORD', `${plain.length - cursor.at} bytes behind the last record`)
  }
}

/**
 * @returns part of `b` where nothing changes, a new batch, or undefined: nothing of it stays
 * @throws KafkaError INVALID_RECORD, CORRUPT_MESSAGE
 */
export function filterBatch(b: Buffer, at: number, rule: BatchRule): Buffer | undefined {
  const plain = unpack(b, at)
  const kept = [...rawRecords(b, at, plain)].filter(rule.keeps)
  if (kept.length === 0) return rule.keepsHeader ? headerOnly(b, at) : undefined
  const expires = rule.isMarkerWithoutData || kept.some(({ isTombstone }) => isTombstone)
  const known = deleteHorizon(b, at)
  const isChanged = kept.length < recordCount(b, at) || (expires && known === undefined)
  if (!isChanged) return b.subarray(at, at + batchSize(b, at))
  return rewritten(b, at, plain, kept, known ?? (expires ? rule.newHorizonMs : undefined))
}

function rewritten(
  b: Buffer,
  at: number,
  plain: Buffer,
  kept: RawRecord[],
  horizonMs: number | undefined,
): Buffer {
  const before = baseTimestamp(b, at)
  const base = horizonMs ?? before
  const codec = compression(b, at)
  const body = compress(codec, Buffer.concat(kept.map((r) => moved(plain, r, before - base))))
  const type = timestampType(b, at)
  const latest = kept.reduce((max, r) => Math.max(max, before + r.timestampDelta), NONE)
  const out = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + body.length)
  body.copy(out, BATCH_HEADER_BYTES)
  writeHeader(out, 0, out.length, {
    ...unchanged(b, at),
    attributes: encodeAttributes({
      compression: codec,
      timestampType: type,
      isTransactional: isTransactional(b, at),
      isControl: isControl(b, at),
      hasDeleteHorizon: horizonMs !== undefined,
    }),
    baseTimestamp: base,
    maxTimestamp: type === 'LogAppendTime' ? maxTimestamp(b, at) : latest,
    recordCount: kept.length,
  })
  return out
}

/** A record whose timestamp counts from another base. */
function moved(plain: Buffer, record: RawRecord, by: number): Buffer {
  if (by === 0) return plain.subarray(record.start, record.end)
  const delta = record.timestampDelta + by
  const rest = plain.subarray(record.rest, record.end)
  const bytes = 1 + varintSize(delta) + rest.length
  const out = Buffer.allocUnsafe(varintSize(bytes) + bytes)
  let p = writeVarint(out, 0, bytes)
  out[p++] = 0
  p = writeVarint(out, p, delta)
  rest.copy(out, p)
  return out
}

function headerOnly(b: Buffer, at: number): Buffer {
  const out = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES)
  writeHeader(out, 0, out.length, {
    ...unchanged(b, at),
    attributes: encodeAttributes({
      compression: 'none',
      timestampType: timestampType(b, at),
      isTransactional: isTransactional(b, at),
      isControl: isControl(b, at),
      hasDeleteHorizon: false,
    }),
    baseTimestamp: NONE,
    maxTimestamp: maxTimestamp(b, at),
    recordCount: 0,
  })
  return out
}

const unchanged = (b: Buffer, at: number) => ({
  baseOffset: baseOffset(b, at),
  partitionLeaderEpoch: partitionLeaderEpoch(b, at),
  lastOffsetDelta: lastOffsetDelta(b, at),
  producerId: producerId(b, at),
  producerEpoch: producerEpoch(b, at),
  baseSequence: baseSequence(b, at),
})
