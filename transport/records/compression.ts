/**
 * The codecs of record batches, by Kafka's names. What they unpack is bounded by the caller: a
 * batch is bytes of a stranger.
 *
 * Source: Kafka's `Compression` of 4.3.0.
 */
import { gunzipSync, gzipSync } from 'node:zlib'
import { KafkaError, refuse } from '../protocol/errors.ts'
import type { Compression } from './batch.ts'

/** @throws KafkaError UNSUPPORTED_COMPRESSION_TYPE */
export function compress(codec: Compression, plain: Buffer): Buffer {
  if (codec === 'none') return plain
  if (codec === 'gzip') return gzipSync(plain)
  return refuse('UNSUPPORTED_COMPRESSION_TYPE', codec)
}

/**
 * @param maxBytes bound of the plain bytes
 * @throws KafkaError CORRUPT_MESSAGE: not what the codec writes, or more than the bound
 */
export function decompress(codec: Compression, packed: Buffer, maxBytes: number): Buffer {
  if (codec === 'none') return packed
  if (codec !== 'gzip') refuse('UNSUPPORTED_COMPRESSION_TYPE', codec)
  try {
    return gunzipSync(packed, { maxOutputLength: maxBytes })
  } catch (cause) {
    throw new KafkaError('CORRUPT_MESSAGE', 'records that gzip does not unpack', cause)
  }
}
