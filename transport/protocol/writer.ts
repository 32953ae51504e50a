/**
 * Writing a message: into slabs that are handed out once and never reused, so that what was
 * written can leave as it is, however long the sender takes. Large byte fields are referenced.
 *
 * An encoder runs to its end before the next one begins, so one writer serves all. A position is
 * a number that compiled encoders carry along; each function here takes it and returns the next.
 */
import { KafkaError } from './errors.ts'
import { STRING_BYTES_MAX } from './reader.ts'
import { LONG_MAX } from './schema.ts'

const SLAB_BYTES = 64 * 1024
/** From here on bytes are referenced; below, a copy is cheaper than one more chunk. */
const REFERENCED_FROM = 4096
const SHORT_STRING = 24
const HIGH = 0x1_0000_0000
const UVARINT_BYTES_MAX = 5

type Writes = Buffer & { utf8Write(text: string, at: number): number }

const firstSlab = Buffer.allocUnsafeSlow(SLAB_BYTES) as Writes
/** What was allocated here. All other memory that a message's chunks lie in is somebody else's. */
const own = new WeakSet<ArrayBufferLike>([firstSlab.buffer])

/** Whether a chunk of an encoded message is one byte field, whole and as it was given. */
export const isReferenced = (chunk: Buffer): boolean =>
  chunk.length >= REFERENCED_FROM && !own.has(chunk.buffer)

export const writer = {
  bytes: firstSlab,
  view: new DataView(firstSlab.buffer),
  end: SLAB_BYTES,
  /** Where the chunk being written begins. */
  start: 0,
  /** Where the next message may begin. */
  free: 0,
  chunks: [] as Buffer[],
}
export type Writer = typeof writer

/** A value that its field cannot carry: our own mistake, never the peer's. */
export const bad = (field: string, value: unknown): never => {
  throw new KafkaError('UNKNOWN_SERVER_ERROR', `${field} cannot be written: ${String(value)}`)
}
/** A field is set that the version lacks, and that may not be dropped. */
export const unsupported = (field: string, version: number): never => {
  throw new KafkaError('UNSUPPORTED_VERSION', `${field} is set, but version ${version} lacks it`)
}

export function open(): number {
  writer.chunks = []
  writer.start = writer.free
  return writer.free
}

export function shut(at: number): Buffer[] {
  flush(at)
  writer.free = at
  const { chunks } = writer
  writer.chunks = []
  return chunks
}

function flush(at: number) {
  if (at > writer.start) writer.chunks.push(writer.bytes.subarray(writer.start, at))
  writer.start = at
}

/** Makes room for `size` more bytes. */
export function grow(at: number, size: number): number {
  flush(at)
  const bytes = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, size)) as Writes
  own.add(bytes.buffer)
  writer.bytes = bytes
  writer.view = new DataView(bytes.buffer)
  writer.end = bytes.length
  writer.start = 0
  writer.free = 0
  return 0
}

export const need = (at: number, size: number): number =>
  at + size > writer.end ? grow(at, size) : at

export function int64(view: DataView, at: number, value: number, field: string) {
  if (!Number.isSafeInteger(value)) bad(field, value)
  if (value === LONG_MAX) {
    view.setInt32(at, 0x7fffffff)
    view.setInt32(at + 4, -1)
    return
  }
  view.setInt32(at, Math.floor(value / HIGH))
  view.setInt32(at + 4, value)
}

export function hash64(view: DataView, at: number, value: string, field: string) {
  if (!/^[0-9a-f]{16}$/.test(value)) bad(field, value)
  view.setUint32(at, Number.parseInt(value.slice(0, 8), 16))
  view.setUint32(at + 4, Number.parseInt(value.slice(8), 16))
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** Six bits by character code; 64 where there is none. */
const sextets = new Uint8Array(128).fill(64)
for (let i = 0; i < 64; i++) sextets[alphabet.charCodeAt(i)] = i
const sextet = (text: string, at: number): number => sextets[text.charCodeAt(at)] ?? 64

export function uuid(view: DataView, at: number, value: string, field: string) {
  if (value.length !== 22) bad(field, value)
  let seen = 0
  let p = at
  for (let i = 0; i < 20; i += 4) {
    const a = sextet(value, i)
    const b = sextet(value, i + 1)
    const c = sextet(value, i + 2)
    const d = sextet(value, i + 3)
    seen |= a | b | c | d
    view.setUint8(p++, (a << 2) | (b >> 4))
    view.setUint8(p++, (b << 4) | (c >> 2))
    view.setUint8(p++, (c << 6) | d)
  }
  const a = sextet(value, 20)
  const b = sextet(value, 21)
  if ((seen | a | b) > 63 || (b & 0x0f) !== 0) bad(field, value)
  view.setUint8(p, (a << 2) | (b >> 4))
}

const uvarintSize = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5

export function uvarint(from: number, value: number): number {
  let at = need(from, UVARINT_BYTES_MAX)
  const { view } = writer
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) view.setUint8(at++, (rest % 0x80) | 0x80)
  view.setUint8(at++, rest)
  return at
}

/** Writes UTF-8 at a place that has room for three bytes a character. @returns the bytes written */
function text(at: number, value: string): number {
  const { bytes } = writer
  const length = value.length
  if (length > SHORT_STRING) return bytes.utf8Write(value, at)
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i)
    if (code > 0x7f) return bytes.utf8Write(value, at)
    bytes[at + i] = code
  }
  return length
}

export function string(from: number, value: string, field: string): number {
  if (value.length > STRING_BYTES_MAX) bad(field, `${value.length} characters`)
  const at = need(from, 2 + 3 * value.length)
  const length = text(at + 2, value)
  if (length > STRING_BYTES_MAX) bad(field, `${length} bytes`)
  writer.view.setInt16(at, length)
  return at + 2 + length
}

export function compactString(from: number, value: string, field: string): number {
  if (value.length > STRING_BYTES_MAX) bad(field, `${value.length} characters`)
  const at = need(from, UVARINT_BYTES_MAX + 3 * value.length)
  // Most strings are ASCII: their length tells how wide the prefix will be.
  const width = uvarintSize(value.length + 1)
  const length = text(at + width, value)
  if (length > STRING_BYTES_MAX) bad(field, `${length} bytes`)
  const wider = uvarintSize(length + 1)
  if (wider !== width) writer.bytes.copyWithin(at + wider, at + width, at + width + length)
  return uvarint(at, length + 1) + length
}

export function nullString(from: number): number {
  const at = need(from, 2)
  writer.view.setInt16(at, -1)
  return at + 2
}

export function count(from: number, value: number): number {
  const at = need(from, 4)
  writer.view.setInt32(at, value)
  return at + 4
}

/** Bytes as they are. */
export function raw(from: number, value: Buffer): number {
  if (value.length < REFERENCED_FROM) {
    const at = need(from, value.length)
    writer.bytes.set(value, at)
    return at + value.length
  }
  flush(from)
  writer.chunks.push(value)
  return from
}

export const bytes = (from: number, value: Buffer): number => raw(count(from, value.length), value)
export const compactBytes = (from: number, value: Buffer): number =>
  raw(uvarint(from, value.length + 1), value)

/** A tagged field of unknown size: it is written first, its size is put before it by `endTagged`. */
export type Mark = { chunks: number; start: number; at: number }
export const beginTagged = (at: number): Mark => ({
  chunks: writer.chunks.length,
  start: writer.start,
  at,
})

export function endTagged(mark: Mark, from: number): number {
  if (writer.chunks.length === mark.chunks) {
    const size = from - mark.at
    const at = need(from, UVARINT_BYTES_MAX)
    if (at === from) {
      writer.bytes.copyWithin(mark.at + uvarintSize(size), mark.at, from)
      return uvarint(mark.at, size) + size
    }
    return endTagged(mark, at)
  }
  // It left its slab, or references bytes: take it out of the chunks and write it anew.
  flush(from)
  const torn = writer.chunks.splice(mark.chunks)
  const before = mark.at - mark.start
  if (before > 0) writer.chunks.push(torn[0]!.subarray(0, before))
  torn[0] = torn[0]!.subarray(before)
  const whole = Buffer.concat(torn)
  if (whole.length >= REFERENCED_FROM) own.add(whole.buffer)
  return raw(uvarint(from, whole.length), whole)
}
