/**
 * A topic with a compression of its own: batches of another codec are unpacked and packed again
 * before they are stored. With the default, `producer`, nothing is touched.
 */
import type { LeaderAppend, LogConfig } from '../../actors/ports/log.ts'
import {
  attributes,
  BATCH_HEADER_BYTES,
  baseOffset,
  baseSequence,
  baseTimestamp,
  batchSize,
  type Compression,
  compression,
  isControl,
  lastOffsetDelta,
  maxTimestamp,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
  recordCount,
  writeHeader,
} from '../../transport/records/batch.ts'
import { compress, decompress, UNPACKED_BYTES_MAX } from '../../transport/records/compression.ts'

const COMPRESSION_MASK = 0x07
const codes: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export function recompress(
  records: Buffer,
  wanted: LogConfig['compressionType'],
  origin: LeaderAppend['origin'],
): Buffer {
  if (wanted === 'producer' || origin === 'raft') return records
  const codec = wanted === 'uncompressed' ? 'none' : wanted
  const batches: Buffer[] = []
  let changed = false
  for (let at = 0; at < records.length; at += batchSize(records, at)) {
    const fits = compression(records, at) === codec || isControl(records, at)
    batches.push(
      fits ? records.subarray(at, at + batchSize(records, at)) : pack(records, at, codec),
    )
    changed ||= !fits
  }
  return changed ? Buffer.concat(batches) : records
}

function pack(records: Buffer, at: number, codec: Compression): Buffer {
  const packed = records.subarray(at + BATCH_HEADER_BYTES, at + batchSize(records, at))
  const plain = decompress(compression(records, at), packed, UNPACKED_BYTES_MAX)
  const body = compress(codec, plain)
  const batch = Buffer.allocUnsafeSlow(BATCH_HEADER_BYTES + body.length)
  body.copy(batch, BATCH_HEADER_BYTES)
  writeHeader(batch, 0, batch.length, {
    baseOffset: baseOffset(records, at),
    partitionLeaderEpoch: partitionLeaderEpoch(records, at),
    attributes: (attributes(records, at) & ~COMPRESSION_MASK) | codes.indexOf(codec),
    lastOffsetDelta: lastOffsetDelta(records, at),
    baseTimestamp: baseTimestamp(records, at),
    maxTimestamp: maxTimestamp(records, at),
    producerId: producerId(records, at),
    producerEpoch: producerEpoch(records, at),
    baseSequence: baseSequence(records, at),
    recordCount: recordCount(records, at),
  })
  return batch
}
