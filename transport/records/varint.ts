/**
 * Zigzag varints, as records inside a batch use them; unsigned ones belong to the message codec.
 *
 * A 64-bit value is a `number`: what lies beyond 2^52 is refused, on both ways.
 */
import { refuse } from '../protocol/errors.ts'

const VARLONG_MAX = 2 ** 52
/** Ten groups of seven bits hold 64. */
const VARLONG_BYTES_MAX = 10

/** Bytes and the place where the next field begins, moved by each read. */
export type Cursor = { bytes: Buffer; at: number; end: number }

/** The next byte. @throws KafkaError INVALID_RECORD past the end */
export function readByte(cursor: Cursor): number {
  if (cursor.at >= cursor.end) refuse('INVALID_RECORD', 'a record ends too early')
  return cursor.bytes[cursor.at++]!
}

/** @throws KafkaError INVALID_RECORD past the end, wider than 64 bits or beyond 2^52 */
export function readVarlong(cursor: Cursor): number {
  let value = 0
  let unit = 1
  for (let count = 1; ; count++) {
    const byte = readByte(cursor)
    value += (byte & 0x7f) * unit
    if (byte < 0x80) break
    if (count === VARLONG_BYTES_MAX) refuse('INVALID_RECORD', 'a varint of more than ten bytes')
    unit *= 128
  }
  if (value > 2 * VARLONG_MAX) refuse('INVALID_RECORD', 'a varint beyond 2^52')
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** @throws KafkaError INVALID_RECORD past the end or beyond 32 bits */
export function readVarint(cursor: Cursor): number {
  const value = readVarlong(cursor)
  if (value !== (value | 0)) refuse('INVALID_RECORD', `${value} where an int32 belongs`)
  return value
}

const zigzag = (value: number) => (value < 0 ? -2 * value - 1 : 2 * value)

export function varintSize(value: number): number {
  let size = 1
  for (let rest = zigzag(value); rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

/** @returns the position behind it */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  if (Math.abs(value) > VARLONG_MAX) refuse('INVALID_RECORD', `${value} is beyond 2^52`)
  let rest = zigzag(value)
  let p = at
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes[p++] = (rest % 128) | 0x80
  bytes[p++] = rest
  return p
}
