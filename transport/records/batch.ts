/**
 * Record batch v2 as it lies in a Buffer: header fields read in place, checks, and the few fields
 * that a broker patches. Nothing here allocates per batch.
 *
 * Source: KIP-98 and Kafka's message format. A record set is a run of batches; a function takes
 * the set and the position where a batch begins, and reads or writes that batch only. The CRC
 * covers everything from the attributes on, so base offset and leader epoch are patched freely.
 */
import { refuse } from '../protocol/errors.ts'
import { crc32c } from './crc32c.ts'

/** Where the fields of the header stand, in bytes from the start of the batch. */
export const layout = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const

/** Base offset and length: what must be there to know where the next batch begins. */
export const LOG_OVERHEAD = 12
export const BATCH_HEADER_BYTES = layout.records
export const MAGIC = 2
/** "No timestamp", "no producer", "no sequence". */
export const NONE = -1
/** The shortest record: six varints of one byte and the attributes. */
const RECORD_BYTES_MIN = 7

const COMPRESSION = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const DELETE_HORIZON = 0x40

export type TimestampType = 'CreateTime' | 'LogAppendTime'
export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export type AttributeFlags = {
  compression: Compression
  timestampType: TimestampType
  isTransactional: boolean
  isControl: boolean
  hasDeleteHorizon: boolean
}

export const encodeAttributes = (flags: AttributeFlags): number =>
  compressions.indexOf(flags.compression) |
  (flags.timestampType === 'LogAppendTime' ? LOG_APPEND_TIME : 0) |
  (flags.isTransactional ? TRANSACTIONAL : 0) |
  (flags.isControl ? CONTROL : 0) |
  (flags.hasDeleteHorizon ? DELETE_HORIZON : 0)

const int16 = (b: Buffer, p: number) => ((b[p]! << 24) >> 16) | b[p + 1]!
const int32 = (b: Buffer, p: number) =>
  (b[p]! << 24) | (b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!
const int64 = (b: Buffer, p: number) => int32(b, p) * 0x1_0000_0000 + (int32(b, p + 4) >>> 0)

function writeInt32(b: Buffer, p: number, value: number) {
  b[p] = value >>> 24
  b[p + 1] = value >>> 16
  b[p + 2] = value >>> 8
  b[p + 3] = value
}
function writeInt64(b: Buffer, p: number, value: number) {
  writeInt32(b, p, Math.floor(value / 0x1_0000_0000))
  writeInt32(b, p + 4, value >>> 0)
}

function identifier(b: Buffer, p: number, what: string): number {
  const value = int64(b, p)
  if (!Number.isSafeInteger(value)) refuse('CORRUPT_MESSAGE', `${what} ${value} is beyond 2^53 - 1`)
  return value
}
/** Timestamps saturate: what Kafka calls "for ever" stays the latest time there is. */
function time(b: Buffer, p: number): number {
  const value = int64(b, p)
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value))
}

export const baseOffset = (b: Buffer, at: number) => identifier(b, at, 'base offset')
/** Bytes that follow the length field. */
export const batchLength = (b: Buffer, at: number) => int32(b, at + layout.batchLength)
/** Bytes of the whole batch, its base offset and length included. */
export const batchSize = (b: Buffer, at: number) => LOG_OVERHEAD + batchLength(b, at)
export const partitionLeaderEpoch = (b: Buffer, at: number) =>
  int32(b, at + layout.partitionLeaderEpoch)
export const magic = (b: Buffer, at: number) => (b[at + layout.magic]! << 24) >> 24
export const crc = (b: Buffer, at: number) => int32(b, at + layout.crc) >>> 0
export const attributes = (b: Buffer, at: number) => int16(b, at + layout.attributes)
export const lastOffsetDelta = (b: Buffer, at: number) => int32(b, at + layout.lastOffsetDelta)
export const lastOffset = (b: Buffer, at: number) => baseOffset(b, at) + lastOffsetDelta(b, at)
export const nextOffset = (b: Buffer, at: number) => lastOffset(b, at) + 1
export const baseTimestamp = (b: Buffer, at: number) => time(b, at + layout.baseTimestamp)
export const maxTimestamp = (b: Buffer, at: number) => time(b, at + layout.maxTimestamp)
export const producerId = (b: Buffer, at: number) =>
  identifier(b, at + layout.producerId, 'producer id')
export const producerEpoch = (b: Buffer, at: number) => int16(b, at + layout.producerEpoch)
export const baseSequence = (b: Buffer, at: number) => int32(b, at + layout.baseSequence)
/** Sequences count modulo 2^31; -1 without one. */
export function lastSequence(b: Buffer, at: number): number {
  const first = baseSequence(b, at)
  return first === NONE ? NONE : (first + lastOffsetDelta(b, at)) % 0x8000_0000
}
export const recordCount = (b: Buffer, at: number) => int32(b, at + layout.recordCount)

export const isControl = (b: Buffer, at: number) => (attributes(b, at) & CONTROL) !== 0
export const isTransactional = (b: Buffer, at: number) => (attributes(b, at) & TRANSACTIONAL) !== 0
export const hasProducerId = (b: Buffer, at: number) => producerId(b, at) !== NONE
export const timestampType = (b: Buffer, at: number): TimestampType =>
  attributes(b, at) & LOG_APPEND_TIME ? 'LogAppendTime' : 'CreateTime'
/** @throws KafkaError UNSUPPORTED_COMPRESSION_TYPE for the three codes that name no codec */
export const compression = (b: Buffer, at: number): Compression =>
  codecIn(b, at) ??
  refuse('UNSUPPORTED_COMPRESSION_TYPE', `compression ${attributes(b, at) & COMPRESSION}`)
/** undefined for the codes that name no codec. */
export const codecIn = (b: Buffer, at: number): Compression | undefined =>
  compressions[attributes(b, at) & COMPRESSION]
/** When the cleaner may drop tombstones and markers of this batch, ms (KIP-534); it stands in the base timestamp. */
export const deleteHorizon = (b: Buffer, at: number): number | undefined =>
  attributes(b, at) & DELETE_HORIZON ? baseTimestamp(b, at) : undefined

/**
 * Positions of the whole batches of a record set, in order. A torn last batch is left out.
 * @throws KafkaError CORRUPT_MESSAGE when a length cannot be one of a batch
 */
export function* batches(b: Buffer, from = 0): Generator<number, void> {
  for (let at = from; ; ) {
    const size = wholeBatch(b, at)
    if (size === 0) return
    yield at
    at += size
  }
}

/**
 * Size of the batch at a position, or 0 when less than the whole of it is there.
 * @throws KafkaError CORRUPT_MESSAGE when the length cannot be one of a batch
 */
export function wholeBatch(b: Buffer, at: number): number {
  if (b.length - at < BATCH_HEADER_BYTES) return 0
  const size = batchSize(b, at)
  if (size < BATCH_HEADER_BYTES) refuse('CORRUPT_MESSAGE', `a batch of ${size} bytes`)
  return size <= b.length - at ? size : 0
}

/**
 * What must hold of bytes before their header is believed: whole, v2, CRC.
 * @returns the size of the batch
 * @throws KafkaError CORRUPT_MESSAGE, or INVALID_RECORD for formats before v2
 */
export function checkBytes(b: Buffer, at: number): number {
  const size = wholeBatch(b, at)
  if (size === 0) refuse('CORRUPT_MESSAGE', `a torn batch: ${b.length - at} bytes are left`)
  const version = magic(b, at)
  if (version === 0 || version === 1) refuse('INVALID_RECORD', `magic ${version}, only 2 is taken`)
  if (version !== MAGIC) refuse('CORRUPT_MESSAGE', `magic ${version} is unknown`)
  const sum = crc32c(b, at + layout.attributes, at + size)
  if (sum !== crc(b, at)) {
    refuse('CORRUPT_MESSAGE', `the batch says CRC ${crc(b, at)}, its bytes have ${sum}`)
  }
  return size
}

/**
 * What must hold of every batch that is stored, whoever sent it: sound bytes and sound counts.
 * @returns its size in bytes
 * @throws KafkaError as `checkBytes`
 */
export function checkBatch(b: Buffer, at: number): number {
  const size = checkBytes(b, at)
  const delta = lastOffsetDelta(b, at)
  const count = recordCount(b, at)
  if (delta < 0 || count < 0 || count > delta + 1) {
    refuse('CORRUPT_MESSAGE', `${count} records with last offset delta ${delta}`)
  }
  if (compression(b, at) === 'none' && count * RECORD_BYTES_MIN > size - BATCH_HEADER_BYTES) {
    refuse('CORRUPT_MESSAGE', `${count} records do not fit into ${size} bytes`)
  }
  return size
}

/**
 * What must hold of a batch that a producer sends, beyond `checkBytes`: nothing was compacted away.
 * @throws KafkaError INVALID_RECORD
 */
export function checkDense(b: Buffer, at: number) {
  const count = recordCount(b, at)
  const delta = lastOffsetDelta(b, at)
  if (count < 1) refuse('INVALID_RECORD', 'a batch without records')
  if (count !== delta + 1) {
    refuse('INVALID_RECORD', `${count} records, but the last offset delta is ${delta}`)
  }
}

export const setBaseOffset = (b: Buffer, at: number, offset: number) => writeInt64(b, at, offset)
export const setPartitionLeaderEpoch = (b: Buffer, at: number, epoch: number) =>
  writeInt32(b, at + layout.partitionLeaderEpoch, epoch)

/** Stamps a batch with its largest timestamp and whose clock that is; the CRC follows. */
export function setMaxTimestamp(b: Buffer, at: number, type: TimestampType, ms: number) {
  const low = at + layout.attributes + 1
  b[low] = type === 'LogAppendTime' ? b[low]! | LOG_APPEND_TIME : b[low]! & ~LOG_APPEND_TIME
  writeInt64(b, at + layout.maxTimestamp, ms)
  writeCrc(b, at)
}

export type BatchHeader = {
  baseOffset: number
  partitionLeaderEpoch: number
  attributes: number
  lastOffsetDelta: number
  baseTimestamp: number
  maxTimestamp: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  recordCount: number
}

/** Writes the header of a batch of `size` bytes whose records already stand behind it, CRC last. */
export function writeHeader(b: Buffer, at: number, size: number, header: BatchHeader) {
  writeInt64(b, at, header.baseOffset)
  writeInt32(b, at + layout.batchLength, size - LOG_OVERHEAD)
  writeInt32(b, at + layout.partitionLeaderEpoch, header.partitionLeaderEpoch)
  b[at + layout.magic] = MAGIC
  b.writeInt16BE(header.attributes, at + layout.attributes)
  writeInt32(b, at + layout.lastOffsetDelta, header.lastOffsetDelta)
  writeInt64(b, at + layout.baseTimestamp, header.baseTimestamp)
  writeInt64(b, at + layout.maxTimestamp, header.maxTimestamp)
  writeInt64(b, at + layout.producerId, header.producerId)
  b.writeInt16BE(header.producerEpoch, at + layout.producerEpoch)
  writeInt32(b, at + layout.baseSequence, header.baseSequence)
  writeInt32(b, at + layout.recordCount, header.recordCount)
  writeCrc(b, at)
}

function writeCrc(b: Buffer, at: number) {
  const sum = crc32c(b, at + layout.attributes, at + batchSize(b, at))
  writeInt32(b, at + layout.crc, sum)
}
