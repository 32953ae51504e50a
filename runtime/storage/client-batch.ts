/**
 * What a producer's batch must hold, beyond sound bytes: its header and each of its records.
 *
 * Source: Kafka's LogValidator and UnifiedLog of 4.3.0. Records are passed over once, in place where
 * they are plain. Differences: a compressed record whose length is wrong is refused, where Kafka
 * stores what no consumer can read; so is a batch that unpacks to more than we ever hold.
 */
import { type LogConfig, type RecordError, RecordValidationError } from '../../actors/ports/log.ts'
import { KafkaError, refuse } from '../../transport/protocol/errors.ts'
import {
  attributes,
  BATCH_HEADER_BYTES,
  baseOffset,
  baseSequence,
  baseTimestamp,
  batchSize,
  type Compression,
  checkDense,
  compression,
  hasProducerId,
  isControl,
  maxTimestamp,
  NONE,
  recordCount,
  timestampType,
} from '../../transport/records/batch.ts'
import { decompress, UNPACKED_BYTES_MAX } from '../../transport/records/compression.ts'
import { recordsIn } from '../../transport/records/records.ts'
import { type Scanned, scanRecords } from '../../transport/records/scan.ts'

/**
 * @returns the largest time of its records, which the header may have wrong
 * @throws KafkaError: it may not be stored; RecordValidationError: for these records
 */
export function checkClientBatch(b: Buffer, at: number, config: LogConfig, nowMs: number): number {
  checkHeader(b, at)
  const codec = codecOf(b, at)
  const body = b.subarray(at + BATCH_HEADER_BYTES, at + batchSize(b, at))
  const plain = codec === 'none' ? body : unpack(codec, body)
  const scanned = scanRecords(plain, 0, plain.length, recordCount(b, at))
  if (codec !== 'none' && !scanned.isDense) {
    refuse('UNKNOWN_SERVER_ERROR', 'offset deltas of compressed records that do not count up')
  }
  const batch: Batch = { b, at, plain, scanned, nowMs }
  const isKeyless = isCompacted(config) && scanned.hasRecordWithoutKey
  if (isKeyless || !areTimesTaken(batch, config)) refuseRecords(batch, config)
  return largestTime(batch)
}

type Batch = { b: Buffer; at: number; plain: Buffer; scanned: Scanned; nowMs: number }

function checkHeader(b: Buffer, at: number) {
  checkDense(b, at)
  if (isControl(b, at)) refuse('INVALID_RECORD', 'clients write no control batches')
  if (hasProducerId(b, at) && baseSequence(b, at) < 0) {
    refuse('INVALID_RECORD', `sequence ${baseSequence(b, at)} of an idempotent producer`)
  }
}

/** Kafka does not foresee a codec that it does not know, nor a payload that does not unpack. */
function codecOf(b: Buffer, at: number): Compression {
  try {
    return compression(b, at)
  } catch (error) {
    throw unforeseen(error, `attributes ${attributes(b, at)}`)
  }
}

function unpack(codec: Compression, packed: Buffer): Buffer {
  if (packed.length === 0 && codec === 'zstd') return packed // no frame is no record to zstd
  if (packed.length === 0) refuse('UNKNOWN_SERVER_ERROR', `nothing that ${codec} could unpack`)
  try {
    return decompress(codec, packed, UNPACKED_BYTES_MAX)
  } catch (error) {
    throw unforeseen(error, `records that ${codec} does not unpack`)
  }
}

const unforeseen = (error: unknown, what: string) =>
  error instanceof KafkaError ? new KafkaError('UNKNOWN_SERVER_ERROR', what, error) : error

const isStamped = ({ b, at }: Batch) => timestampType(b, at) === 'LogAppendTime'

function largestTime(batch: Batch): number {
  const { b, at, scanned } = batch
  return isStamped(batch) ? maxTimestamp(b, at) : baseTimestamp(b, at) + scanned.maxTimestampDelta
}

/** By the smallest and the largest of them. */
function areTimesTaken(batch: Batch, config: LogConfig): boolean {
  const { b, at, scanned } = batch
  if (isStamped(batch)) return isTimeTaken(maxTimestamp(b, at), batch, config)
  const base = baseTimestamp(b, at)
  const smallest = base + scanned.minTimestampDelta
  // "No time" is always taken, and may hide what is earlier than the bound.
  return (
    smallest !== NONE &&
    isTimeTaken(smallest, batch, config) &&
    isTimeTaken(base + scanned.maxTimestampDelta, batch, config)
  )
}

/** A batch that says it was stamped by a broker is held against bounds, or refused where brokers stamp. */
function isTimeTaken(time: number, batch: Batch, config: LogConfig): boolean {
  const { messageTimestampType, messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs } = config
  if (messageTimestampType === 'LogAppendTime' || time === NONE) return !isStamped(batch)
  const age = batch.nowMs - time
  return (
    (age <= messageTimestampBeforeMaxMs ||
      messageTimestampBeforeMaxMs === Number.MAX_SAFE_INTEGER) &&
    -age <= messageTimestampAfterMaxMs
  )
}

/** Names each record that is refused, if there is one. */
function refuseRecords(batch: Batch, config: LogConfig) {
  const { b, at, plain } = batch
  const keysCount = isCompacted(config)
  const errors: RecordError[] = []
  let isOfTime = false
  let batchIndex = 0
  for (const { key, timestamp } of recordsIn(b, at, plain)) {
    if (keysCount && key === null) {
      errors.push({ batchIndex, message: 'a compacted topic takes no record without a key' })
    } else if (!isTimeTaken(timestamp, batch, config)) {
      errors.push({ batchIndex, message: `timestamp ${timestamp} is out of range` })
      isOfTime = true
    }
    batchIndex++
  }
  if (errors.length === 0) return
  throw new RecordValidationError(
    isOfTime ? 'INVALID_TIMESTAMP' : 'INVALID_RECORD',
    `${errors.length} records of ${recordCount(b, at)} are refused, the first: ` +
      `record ${errors[0]!.batchIndex}, ${errors[0]!.message}`,
    errors,
  )
}

export const isCompacted = (config: LogConfig) => config.cleanupPolicy.includes('compact')

/** What Kafka refuses before it looks at anything else of a batch. */
export function checkBaseOffset(b: Buffer, at: number) {
  const offset = baseOffset(b, at)
  if (offset !== 0) refuse('INVALID_RECORD', `base offset ${offset}, producers send 0`)
}
