/**
 * The codecs of record batches, by Kafka's names. What they unpack is bounded by the caller: a
 * batch is bytes of a stranger.
 *
 * Source: Kafka's `Compression` of 4.3.0.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { KafkaError } from '../protocol/errors.ts'
import type { Compression } from './batch.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'
import { compressZstd, decompressZstd } from './zstd.ts'

/** What the records of one batch may unpack to. Kafka has no bound: its readers never hold all of them. */
export const UNPACKED_BYTES_MAX = 128 * 1024 * 1024

type Codec = {
  compress: (plain: Buffer) => Buffer
  decompress: (packed: Buffer, maxBytes: number) => Buffer
}

const codecs: Record<Compression, Codec> = {
  none: { compress: (plain) => plain, decompress: (packed) => packed },
  gzip: { compress: (plain) => gzipSync(plain), decompress: decompressGzip },
  snappy: { compress: compressSnappy, decompress: decompressSnappy },
  lz4: { compress: compressLz4, decompress: decompressLz4 },
  zstd: { compress: compressZstd, decompress: decompressZstd },
}

export const compress = (codec: Compression, plain: Buffer): Buffer => codecs[codec].compress(plain)

/**
 * @param maxBytes bound of the plain bytes; what is not compressed is handed back as it is
 * @throws KafkaError CORRUPT_MESSAGE: not what the codec writes, or more than the bound
 */
export const decompress = (codec: Compression, packed: Buffer, maxBytes: number): Buffer =>
  codecs[codec].decompress(packed, maxBytes)

function decompressGzip(packed: Buffer, maxBytes: number): Buffer {
  try {
    return gunzipSync(packed, { maxOutputLength: Math.max(1, maxBytes) })
  } catch (cause) {
    throw new KafkaError('CORRUPT_MESSAGE', 'records that gzip does not unpack', cause)
  }
}
