/**
 * LZ4 frames, as Kafka takes and writes them: independent blocks only.
 *
 * Source: LZ4's frame and block format descriptions. What we pack has blocks of 64 KiB and no
 * checksums but the header's, like Kafka's own. Packed bytes come from strangers: each step is
 * held against what is there and against the size of a block.
 */
import xxh32 from 'lz4js/xxh32.js'
import { refuse } from '../protocol/errors.ts'

const MAGIC = 0x184d2204
const VERSION = 0x40
const INDEPENDENT = 0x20
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01
/** In a block's length: its bytes are plain. */
const PLAIN = 0x8000_0000

/** Block sizes by their number in the header. */
const blockSizes: Record<number, number> = { 4: 1 << 16, 5: 1 << 18, 6: 1 << 20, 7: 1 << 22 }
const BLOCK_SIZE_NUMBER = 4
const BLOCK_BYTES = 1 << 16

const MATCH_MIN = 4
/** A block ends in literals: its last match begins this far from its end at least. */
const MATCH_START_LIMIT = 12
const LITERALS_LAST = 5
const HASH_BITS = 13

const corrupt = (what: string): never => refuse('CORRUPT_MESSAGE', `lz4: ${what}`)
const hash = (bytes: Buffer, start: number, end: number): number =>
  xxh32.hash(0, bytes, start, end - start) >>> 0

export function compressLz4(plain: Buffer): Buffer {
  const header = Buffer.alloc(7)
  header.writeUInt32LE(MAGIC)
  header[4] = VERSION | INDEPENDENT
  header[5] = BLOCK_SIZE_NUMBER << 4
  header[6] = hash(header, 4, 6) >> 8
  const chunks: Buffer[] = [header]
  for (let at = 0; at < plain.length; at += BLOCK_BYTES) {
    const block = plain.subarray(at, at + BLOCK_BYTES)
    const packed = packBlock(block)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(packed === undefined ? (PLAIN | block.length) >>> 0 : packed.length)
    chunks.push(length, packed ?? block)
  }
  chunks.push(Buffer.alloc(4))
  return Buffer.concat(chunks)
}

/** @returns undefined where packing saves nothing */
function packBlock(plain: Buffer): Buffer | undefined {
  const out = Buffer.allocUnsafe(plain.length)
  // Positions by hash of the four bytes there, one up: 0 is none.
  const seen = new Uint32Array(1 << HASH_BITS)
  const lastStart = plain.length - MATCH_START_LIMIT
  const matchEnd = plain.length - LITERALS_LAST
  let to = 0
  let anchor = 0
  for (let at = 0; at <= lastStart; ) {
    const four = plain.readUInt32LE(at)
    const slot = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS)
    const from = seen[slot]! - 1
    seen[slot] = at + 1
    if (from < 0 || plain.readUInt32LE(from) !== four) {
      at++
      continue
    }
    let length = MATCH_MIN
    while (at + length < matchEnd && plain[at + length] === plain[from + length]) length++
    to = putSequence(out, to, plain, anchor, at, length, at - from)
    if (to < 0) return undefined
    at += length
    anchor = at
  }
  to = putSequence(out, to, plain, anchor, plain.length, 0, 0)
  return to < 0 ? undefined : out.subarray(0, to)
}

/**
 * Writes literals and, unless `length` is 0, the match behind them.
 * @returns the next position, or -1 where it does not fit
 */
function putSequence(
  out: Buffer,
  at: number,
  plain: Buffer,
  from: number,
  until: number,
  length: number,
  distance: number,
): number {
  const literals = until - from
  const more = length === 0 ? 0 : length - MATCH_MIN
  const room = 1 + Math.floor(literals / 255) + 1 + literals + 2 + Math.floor(more / 255) + 1
  if (at + room > out.length) return -1
  let to = at
  out[to++] = (Math.min(literals, 15) << 4) | Math.min(more, 15)
  to = putLength(out, to, literals)
  plain.copy(out, to, from, until)
  to += literals
  if (length === 0) return to
  out[to++] = distance & 0xff
  out[to++] = distance >> 8
  return putLength(out, to, more)
}

function putLength(out: Buffer, at: number, length: number): number {
  if (length < 15) return at
  let to = at
  let rest = length - 15
  for (; rest >= 255; rest -= 255) out[to++] = 255
  out[to++] = rest
  return to
}

/** @throws KafkaError CORRUPT_MESSAGE: no frame that Kafka takes, or more than `maxBytes` unpacked */
export function decompressLz4(packed: Buffer, maxBytes: number): Buffer {
  const { at: first, blockBytes, flags } = readHeader(packed)
  const scratch = Buffer.allocUnsafe(Math.min(blockBytes, maxBytes))
  const trailer = flags & BLOCK_CHECKSUM ? 4 : 0
  const blocks: Buffer[] = []
  let total = 0
  let at = first
  for (;;) {
    if (at + 4 > packed.length) corrupt('a frame without an end')
    const word = packed.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const length = word & 0x7fff_ffff
    const end = at + length
    if (length > blockBytes || end + trailer > packed.length) corrupt('a block is cut off')
    if (trailer > 0 && packed.readUInt32LE(end) !== hash(packed, at, end)) {
      corrupt('a block with a wrong checksum')
    }
    const block = word >= PLAIN ? packed.subarray(at, end) : unpackBlock(packed, at, end, scratch)
    total += block.length
    if (total > maxBytes) corrupt(`more than ${maxBytes} bytes`)
    blocks.push(word >= PLAIN ? block : Buffer.from(block))
    at = end + trailer
  }
  const left = packed.length - at
  if (left !== (flags & CONTENT_CHECKSUM ? 4 : 0)) corrupt(`${left} bytes behind the end`)
  return Buffer.concat(blocks, total)
}

function readHeader(packed: Buffer): { at: number; blockBytes: number; flags: number } {
  if (packed.length < 7 || packed.readUInt32LE(0) !== MAGIC) corrupt('not a frame')
  const flags = packed[4]!
  if ((flags & 0xc0) !== VERSION) corrupt('a frame of another version')
  if ((flags & INDEPENDENT) === 0) corrupt('blocks that depend on each other')
  if ((flags & DICTIONARY) !== 0) corrupt('a frame with a dictionary')
  const blockBytes = blockSizes[packed[5]! >> 4] ?? corrupt('an unknown block size')
  const end = flags & CONTENT_SIZE ? 14 : 6
  if (packed.length <= end) corrupt('a header is cut off')
  if (packed[end] !== ((hash(packed, 4, end) >> 8) & 0xff))
    corrupt('a header with a wrong checksum')
  return { at: end + 1, blockBytes, flags }
}

/** Unpacks `packed[start, end)` into the scratch buffer. @returns the part of it that was filled */
function unpackBlock(packed: Buffer, start: number, end: number, out: Buffer): Buffer {
  let at = start
  let to = 0
  /** A length that goes on in further bytes where four bits were not enough. */
  const rest = (first: number): number => {
    let length = first
    if (first < 15) return length
    for (;;) {
      if (at >= end) corrupt('a length ends too early')
      const byte = packed[at++]!
      length += byte
      if (byte !== 255) return length
    }
  }
  while (at < end) {
    const token = packed[at++]!
    const literals = rest(token >> 4)
    if (literals > end - at || literals > out.length - to) corrupt('literals do not fit')
    packed.copy(out, to, at, at + literals)
    at += literals
    to += literals
    if (at === end) break
    if (end - at < 2) corrupt('a match ends too early')
    const distance = packed[at]! | (packed[at + 1]! << 8)
    at += 2
    const length = rest(token & 15) + MATCH_MIN
    if (distance === 0 || distance > to || length > out.length - to) corrupt('a match does not fit')
    // Matches may overlap what they write: byte by byte.
    for (const stop = to + length; to < stop; to++) out[to] = out[to - distance]!
  }
  return out.subarray(0, to)
}
