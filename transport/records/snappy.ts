/**
 * Snappy: raw blocks, as librdkafka sends them, and the framed stream that Java's clients write.
 *
 * Source: snappy's format description; the frames are those of xerial's SnappyOutputStream. What
 * we pack is framed in blocks of 32 KiB, like Kafka's own. Packed bytes come from strangers: each
 * step is held against what is there and against what the block said it would become.
 */
import snappy from 'snappyjs'
import { refuse } from '../protocol/errors.ts'

const FRAME_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
/** Magic, and two int32: version and the lowest compatible version. */
const FRAME_HEADER_BYTES = 16
const FRAME_VERSION = 1
const BLOCK_BYTES = 32 * 1024
/** Three bytes can say "64 bytes from before": no block unpacks to more than this times its size. */
const EXPANSION_MAX = 22

const corrupt = (what: string): never => refuse('CORRUPT_MESSAGE', `snappy: ${what}`)

export function compressSnappy(plain: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  FRAME_MAGIC.copy(header)
  header.writeInt32BE(FRAME_VERSION, 8)
  header.writeInt32BE(FRAME_VERSION, 12)
  const chunks: Buffer[] = [header]
  for (let at = 0; at < plain.length; at += BLOCK_BYTES) {
    const block = snappy.compress(plain.subarray(at, at + BLOCK_BYTES))
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(block.length)
    chunks.push(length, block)
  }
  return Buffer.concat(chunks)
}

/** @throws KafkaError CORRUPT_MESSAGE: no snappy, or more than `maxBytes` once unpacked */
export function decompressSnappy(packed: Buffer, maxBytes: number): Buffer {
  const isFramed = packed.length >= FRAME_HEADER_BYTES && packed.subarray(0, 8).equals(FRAME_MAGIC)
  if (!isFramed) return unpackBlock(packed, maxBytes)
  const blocks: Buffer[] = []
  let total = 0
  for (let at = FRAME_HEADER_BYTES; at < packed.length; ) {
    if (at + 4 > packed.length) corrupt('a frame ends too early')
    const length = packed.readUInt32BE(at)
    at += 4
    if (length > packed.length - at) corrupt(`a block of ${length} bytes is cut off`)
    const block = unpackBlock(packed.subarray(at, at + length), maxBytes - total)
    total += block.length
    blocks.push(block)
    at += length
  }
  return Buffer.concat(blocks, total)
}

function unpackBlock(packed: Buffer, maxBytes: number): Buffer {
  const [size, start] = plainSize(packed)
  if (size > maxBytes) corrupt(`${size} bytes, at most ${maxBytes} are taken`)
  if (size > packed.length * EXPANSION_MAX) corrupt(`${size} bytes out of ${packed.length}`)
  const out = Buffer.allocUnsafe(size)
  let from = start
  let to = 0
  while (from < packed.length) {
    const tag = packed[from++]!
    if ((tag & 3) === 0) {
      let length = (tag >> 2) + 1
      if (length > 60) {
        const width = length - 60
        if (width > packed.length - from) corrupt('a literal ends too early')
        length = packed.readUIntLE(from, width) + 1
        from += width
      }
      if (length > packed.length - from || length > size - to) corrupt('a literal does not fit')
      packed.copy(out, to, from, from + length)
      from += length
      to += length
      continue
    }
    const width = (tag & 3) === 3 ? 4 : tag & 3
    if (width > packed.length - from) corrupt('a copy ends too early')
    const low = packed.readUIntLE(from, width)
    from += width
    const length = width === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const distance = width === 1 ? low | ((tag >> 5) << 8) : low
    if (distance === 0 || distance > to || length > size - to) corrupt('a copy does not fit')
    // Copies may overlap what they write: byte by byte.
    for (const end = to + length; to < end; to++) out[to] = out[to - distance]!
  }
  if (to !== size) corrupt(`${to} bytes where ${size} were announced`)
  return out
}

/** @returns what the block says it unpacks to, and where its elements begin */
function plainSize(packed: Buffer): [size: number, start: number] {
  let size = 0
  for (let at = 0, unit = 1; at < 5; at++, unit *= 128) {
    const byte = packed[at] ?? corrupt('a block without a length')
    size += (byte & 0x7f) * unit
    if (byte < 0x80) return [size, at + 1]
  }
  return corrupt('a length beyond 32 bits')
}
