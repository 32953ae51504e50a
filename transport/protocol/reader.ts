/**
 * Reading a message: one cursor over one Buffer, and the fields that are more than a `DataView`
 * call. Compiled decoders run on this cursor; nothing is read past its end.
 *
 * A decoder runs to its end before the next one begins, so one cursor serves all.
 *
 * A message that never left the process may come in parts: its large byte fields stay the Buffers
 * they were, apart from the rest, which is joined. Each is taken where it belongs, or none is.
 */
import { DecodeError } from './errors.ts'
import { LONG_MAX, ZERO_UUID } from './schema.ts'

/** Bytes of UTF-8 that a string may have, as in Kafka. */
export const STRING_BYTES_MAX = 0x7fff
/** Below this many bytes a loop beats the call into native code. */
const SHORT_STRING = 9
const HIGH = 0x1_0000_0000

/** What Node's buffers offer beside `toString`: the same without its argument checks. */
type Slices = Buffer & {
  utf8Slice(start: number, end: number): string
  base64urlSlice(start: number, end: number): string
}

const nothing = Buffer.alloc(0) as Slices
const noView = new DataView(nothing.buffer, 0, 0)

/** A byte field that is kept apart, and where in the rest it belongs. */
export type Apart = { at: number; bytes: Buffer }
const noneApart: readonly Apart[] = []

export const cursor = {
  bytes: nothing,
  view: noView,
  at: 0,
  end: 0,
  apart: noneApart,
  /** How many of those were taken. */
  taken: 0,
}
export type Cursor = typeof cursor

export const fail = (message: string): never => {
  throw new DecodeError(message)
}

/** Points the cursor at a message; `shut` lets go of it. */
export function open(bytes: Buffer, at: number, apart = noneApart) {
  cursor.bytes = bytes as Slices
  cursor.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  cursor.at = at
  cursor.end = bytes.length
  cursor.apart = apart
  cursor.taken = 0
}
export function shut() {
  cursor.bytes = nothing
  cursor.view = noView
  cursor.apart = noneApart
}

/** An int64 as a number. @throws DecodeError beyond 2^53 - 1, but for Long.MAX_VALUE */
export function int64(view: DataView, at: number): number {
  const high = view.getInt32(at)
  const low = view.getUint32(at + 4)
  const value = high * HIGH + low
  if (Number.isSafeInteger(value)) return value
  if (high === 0x7fffffff && low === 0xffffffff) return LONG_MAX
  return fail(`an int64 beyond 2^53 - 1: ${value}`)
}

/** An int64 as a number that stops at what is safe. */
export function millis(view: DataView, at: number): number {
  const value = view.getInt32(at) * HIGH + view.getUint32(at + 4)
  return Math.max(-LONG_MAX, Math.min(LONG_MAX, value))
}

const hex8 = (value: number) => value.toString(16).padStart(8, '0')
export const hash64 = (view: DataView, at: number): string =>
  hex8(view.getUint32(at)) + hex8(view.getUint32(at + 4))

export function uuid(view: DataView, at: number): string {
  // The view refuses to look past the end, so the slice below has its 16 bytes.
  const last = view.getInt32(at + 12)
  const others = view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8)
  if ((last | others) === 0) return ZERO_UUID
  return cursor.bytes.base64urlSlice(at, at + 16)
}

export function uvarint(): number {
  const { view } = cursor
  let byte = view.getUint8(cursor.at++)
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  for (let unit = 0x80; ; unit *= 0x80) {
    byte = view.getUint8(cursor.at++)
    if (unit === 0x1000_0000) {
      if (byte > 0x0f) fail('a varint beyond 32 bits')
      return value + byte * unit
    }
    value += (byte & 0x7f) * unit
    if (byte < 0x80) return value
  }
}

function text(length: number): string {
  const { at, bytes } = cursor
  if (length > STRING_BYTES_MAX) fail(`a string of ${length} bytes`)
  if (length > cursor.end - at) fail(`a string of ${length} bytes, ${cursor.end - at} left`)
  cursor.at = at + length
  if (length < SHORT_STRING) {
    let out = ''
    for (let p = at; p < at + length; p++) {
      const code = bytes[p]!
      if (code > 0x7f) return bytes.utf8Slice(at, at + length)
      out += String.fromCharCode(code)
    }
    return out
  }
  return bytes.utf8Slice(at, at + length)
}

function int16Length(): number {
  const length = cursor.view.getInt16(cursor.at)
  cursor.at += 2
  return length
}
function int32Length(): number {
  const length = cursor.view.getInt32(cursor.at)
  cursor.at += 4
  return length
}

const present = (length: number): number =>
  length < 0 ? fail(length === -1 ? 'null where a value belongs' : `length ${length}`) : length
/** @returns -1 for null */
const presentOrNull = (length: number): number => (length < -1 ? fail(`length ${length}`) : length)

export const string = (): string => text(present(int16Length()))
export const compactString = (): string => text(present(uvarint() - 1))
export function nullableString(): string | null {
  const length = presentOrNull(int16Length())
  return length < 0 ? null : text(length)
}
export function compactNullableString(): string | null {
  const length = uvarint() - 1
  return length < 0 ? null : text(length)
}

function slice(length: number): Buffer {
  const { at, apart, taken } = cursor
  if (taken < apart.length && apart[taken]!.at === at && apart[taken]!.bytes.length === length) {
    return apart[cursor.taken++]!.bytes
  }
  if (length > cursor.end - at) fail(`${length} bytes, ${cursor.end - at} left`)
  cursor.at = at + length
  return cursor.bytes.subarray(at, at + length)
}

export const bytes = (): Buffer => slice(present(int32Length()))
export const compactBytes = (): Buffer => slice(present(uvarint() - 1))
export function nullableBytes(): Buffer | null {
  const length = presentOrNull(int32Length())
  return length < 0 ? null : slice(length)
}
export function compactNullableBytes(): Buffer | null {
  const length = uvarint() - 1
  return length < 0 ? null : slice(length)
}

function bounded(count: number, leastBytes: number): number {
  if (count * leastBytes > cursor.end - cursor.at) {
    fail(`${count} elements in ${cursor.end - cursor.at} bytes`)
  }
  return count
}
/** The count of an array whose elements take `leastBytes` at least; -1: null. */
export const count = (leastBytes: number): number =>
  bounded(presentOrNull(int32Length()), leastBytes)
export const compactCount = (leastBytes: number): number => bounded(uvarint() - 1, leastBytes)

/** Where the tagged field that begins here must end. */
export function taggedEnd(): number {
  const size = uvarint()
  if (size > cursor.end - cursor.at) fail(`a tagged field of ${size} bytes, too few are left`)
  return cursor.at + size
}
