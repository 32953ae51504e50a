/**
 * Unsigned varints outside compiled codecs: tagged sections of headers, frames of metadata records.
 */
import { DecodeError } from './errors.ts'

/** Where the next field begins; moved by each read. */
export type Position = { at: number }

/** @throws DecodeError past the end or beyond 32 bits */
export function readUvarint(bytes: Buffer, position: Position): number {
  let value = 0
  for (let unit = 1; unit <= 0x1000_0000; unit *= 0x80) {
    const byte = bytes[position.at++]
    if (byte === undefined) throw new DecodeError('it ends within a varint')
    value += (byte & 0x7f) * unit
    if (byte < 0x80) return value
  }
  throw new DecodeError('a varint beyond 32 bits')
}
