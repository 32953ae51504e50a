/**
 * CRC-32C (Castagnoli), the checksum of record batches.
 *
 * Ours takes eight bytes a step; the optional native add-on takes over where it is installed and
 * the input is long enough to pay for the call. Both give the same numbers.
 */
import { createRequire } from 'node:module'

const POLYNOMIAL = 0x82f63b78 // reflected
/** Below this many bytes crossing into native code costs more than it saves. */
const NATIVE_FROM = 128

/** Eight tables of 256, one after the other: table k advances a byte by k more zero bytes. */
const tables = new Int32Array(8 * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  tables[byte] = crc
}
for (let at = 256; at < tables.length; at++) {
  const before = tables[at - 256]!
  tables[at] = (before >>> 8) ^ tables[before & 0xff]!
}

/** The checksum of `bytes[start, end)` as an unsigned 32-bit number, in JavaScript alone. */
export function crc32cPortable(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const t = tables
  let crc = -1
  let p = start
  for (const last = end - 7; p < last; p += 8) {
    crc ^= bytes[p]! | (bytes[p + 1]! << 8) | (bytes[p + 2]! << 16) | (bytes[p + 3]! << 24)
    crc =
      t[1792 + (crc & 0xff)]! ^
      t[1536 + ((crc >>> 8) & 0xff)]! ^
      t[1280 + ((crc >>> 16) & 0xff)]! ^
      t[1024 + (crc >>> 24)]! ^
      t[768 + bytes[p + 4]!]! ^
      t[512 + bytes[p + 5]!]! ^
      t[256 + bytes[p + 6]!]! ^
      t[bytes[p + 7]!]!
  }
  for (; p < end; p++) crc = (crc >>> 8) ^ t[(crc ^ bytes[p]!) & 0xff]!
  return ~crc >>> 0
}

type Native = { crc32c: (bytes: Uint8Array) => number }

/** The add-on, or undefined where it is not installed or does not fit the machine. */
export const native: Native | undefined = loadNative()

function loadNative(): Native | undefined {
  try {
    return createRequire(import.meta.url)('@node-rs/crc32') as Native
  } catch {
    return undefined
  }
}

/** The checksum of `bytes[start, end)` as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  if (native === undefined || end - start < NATIVE_FROM) return crc32cPortable(bytes, start, end)
  return native.crc32c(bytes.subarray(start, end))
}
