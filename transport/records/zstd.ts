/**
 * Zstandard: Node's own where it has it (22.15 and later), else the same library as WebAssembly,
 * loaded when the first batch needs it.
 *
 * Kafka's frames do not say what they unpack to, so the room for it grows up to the bound.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import * as zlib from 'node:zlib'
import { KafkaError, refuse } from '../protocol/errors.ts'

type Zstd = {
  compress(plain: Buffer): Buffer
  /** @throws when it is no zstd, or more than `maxBytes` */
  decompress(packed: Buffer, maxBytes: number): Buffer
}

/** What newer versions of node:zlib have beside what the types know. */
type WithZstd = {
  zstdCompressSync?: (plain: Buffer) => Buffer
  zstdDecompressSync?: (packed: Buffer, options: { maxOutputLength: number }) => Buffer
}

/** Exports of the WebAssembly module; addresses and sizes are numbers. */
type Wasm = {
  HEAPU8: Uint8Array
  _malloc(bytes: number): number
  _free(address: number): void
  _ZSTD_compressBound(bytes: number): number
  _ZSTD_compress(to: number, room: number, from: number, bytes: number, level: number): number
  _ZSTD_decompress(to: number, room: number, from: number, bytes: number): number
  _ZSTD_isError(code: number): number
}
type Loader = Wasm & {
  instantiateWasm?: (imports: object, receive: (instance: object) => unknown) => unknown
  init(bytes: Buffer): void
}

/** As much of it as is used here; Node has it, its types do not. */
declare const WebAssembly: {
  Module: new (bytes: Buffer) => object
  Instance: new (module: object, imports: object) => object
}

const LEVEL = 3
/** ZSTD_error_dstSize_tooSmall, negated as the library returns it. */
const ROOM_TOO_SMALL = -70
const FIRST_ROOM_BYTES = 64 * 1024

/** Node's own, or undefined where it has none. */
export function nodeZstd(): Zstd | undefined {
  const { zstdCompressSync, zstdDecompressSync } = zlib as WithZstd
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return undefined
  return {
    compress: (plain) => zstdCompressSync(plain),
    decompress: (packed, maxBytes) =>
      zstdDecompressSync(packed, { maxOutputLength: Math.max(1, maxBytes) }),
  }
}

let loadedWasm: Wasm | undefined
/** The one in WebAssembly; its module is one to a process. */
export function wasmZstd(): Zstd {
  loadedWasm ??= loadWasm()
  const wasm = loadedWasm
  return {
    compress(plain) {
      const room = wasm._ZSTD_compressBound(plain.length)
      return work(wasm, plain, room, (to, from) =>
        wasm._ZSTD_compress(to, room, from, plain.length, LEVEL),
      )
    },
    decompress(packed, maxBytes) {
      for (let room = Math.max(FIRST_ROOM_BYTES, 8 * packed.length); ; room *= 4) {
        const bounded = Math.min(room, maxBytes)
        const plain = work(wasm, packed, bounded, (to, from) => {
          const size = wasm._ZSTD_decompress(to, bounded, from, packed.length)
          return size === ROOM_TOO_SMALL && bounded < maxBytes ? undefined : size
        })
        if (plain !== undefined) return plain
      }
    },
  }
}

/**
 * Runs one call of the library on a copy of `input`, with `room` bytes to write to.
 * @returns a copy of what it wrote; undefined when `call` says so
 */
function work<T extends number | undefined>(
  wasm: Wasm,
  input: Buffer,
  room: number,
  call: (to: number, from: number) => T,
): Buffer | (T extends undefined ? undefined : never) {
  const from = wasm._malloc(input.length)
  const to = wasm._malloc(room)
  try {
    if (from === 0 || to === 0) throw new RangeError(`no memory for ${room} bytes`)
    wasm.HEAPU8.set(input, from)
    const size = call(to, from)
    if (size === undefined) return undefined as T extends undefined ? undefined : never
    if (wasm._ZSTD_isError(size) !== 0) throw new RangeError(`zstd error ${size}`)
    return Buffer.from(wasm.HEAPU8.slice(to, to + size).buffer)
  } finally {
    wasm._free(from)
    wasm._free(to)
  }
}

function loadWasm(): Wasm {
  const require = createRequire(import.meta.url)
  const folder = dirname(require.resolve('@bokuweb/zstd-wasm'))
  const { Module } = require(join(folder, 'module.js')) as { Module: Loader }
  // Instantiated at once: a batch that is validated cannot wait for a promise.
  Module.instantiateWasm = (imports, receive) => {
    const bytes = readFileSync(join(folder, 'zstd.wasm'))
    return receive(new WebAssembly.Instance(new WebAssembly.Module(bytes), imports))
  }
  Module.init(Buffer.alloc(0))
  return Module
}

let loaded: Zstd | undefined
function zstd(): Zstd {
  loaded ??= nodeZstd() ?? wasmZstd()
  return loaded
}

export const compressZstd = (plain: Buffer): Buffer => zstd().compress(plain)

/** @throws KafkaError CORRUPT_MESSAGE: no zstd, or more than `maxBytes` once unpacked */
export function decompressZstd(packed: Buffer, maxBytes: number): Buffer {
  const library = zstd()
  const announced = announcedSize(packed)
  if (announced !== undefined && announced > maxBytes) {
    refuse('CORRUPT_MESSAGE', `zstd: ${announced} bytes, at most ${maxBytes} are taken`)
  }
  try {
    return library.decompress(packed, maxBytes)
  } catch (cause) {
    throw new KafkaError('CORRUPT_MESSAGE', 'records that zstd does not unpack', cause)
  }
}

const MAGIC = 0xfd2fb528
/** Bytes of the content size by its flag; the smallest is there only in a single segment. */
const sizeWidths = [1, 2, 4, 8]

/** What the first frame says it unpacks to, if it does. */
function announcedSize(packed: Buffer): number | undefined {
  if (packed.length < 6 || packed.readUInt32LE(0) !== MAGIC) return undefined
  const descriptor = packed[4]!
  const isSingleSegment = (descriptor & 0x20) !== 0
  const flag = descriptor >> 6
  if (flag === 0 && !isSingleSegment) return undefined
  const at = 5 + (isSingleSegment ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!
  const width = sizeWidths[flag]!
  if (at + width > packed.length) return undefined
  if (width === 8) return Number(packed.readBigUInt64LE(at))
  return packed.readUIntLE(at, width) + (width === 2 ? 256 : 0)
}
