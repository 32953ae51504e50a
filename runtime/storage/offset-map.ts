/**
 * The latest offset of each key of the dirty part of a log, by a hash of the key: 24 bytes a key,
 * whatever its length, so that `log.cleaner.dedupe.buffer.size` bounds it. When it is full, what
 * lies behind `latestOffset` waits for the next cleaning.
 *
 * Source: Kafka's SkimpyOffsetMap. Where Kafka takes MD5 this takes 128 bits of SHA-256: two keys
 * that somebody made collide would cost one of them its value.
 */
import { createHash } from 'node:crypto'

export const SLOT_BYTES = 24
const WORDS = 4

export type OffsetMap = {
  /** The last offset that it knows of; everything up to there is entered. */
  latestOffset: number
  size(): number
  /** Offsets come rising. @returns false when it is full, and nothing was entered */
  put(key: Buffer, offset: number): boolean
  /** -1: the key is not there. */
  get(key: Buffer): number
}

/**
 * @param bytesMax what it may take
 * @param keysExpected it takes no more than these need
 */
export function createOffsetMap(
  bytesMax: number,
  loadFactor: number,
  keysExpected: number,
): OffsetMap {
  const affordable = Math.floor(bytesMax / SLOT_BYTES)
  const slots = Math.max(2, Math.min(affordable, Math.ceil(keysExpected / loadFactor) + 1))
  const keysMax = Math.max(1, Math.min(slots - 1, Math.floor(slots * loadFactor)))
  const hashes = new Uint32Array(slots * WORDS)
  /** One more than the offset; 0 marks a free slot. */
  const offsets = new Float64Array(slots)
  const wanted = new Uint32Array(WORDS)
  let size = 0

  /** The slot that holds the key, or the free one where it belongs. */
  function slotOf(key: Buffer): number {
    const digest = createHash('sha256').update(key).digest()
    for (let i = 0; i < WORDS; i++) wanted[i] = digest.readUInt32LE(i * 4)
    let slot = wanted[0]! % slots
    while (offsets[slot] !== 0 && !isAt(slot)) slot = slot + 1 === slots ? 0 : slot + 1
    return slot
  }
  function isAt(slot: number): boolean {
    for (let i = 0; i < WORDS; i++) if (hashes[slot * WORDS + i] !== wanted[i]) return false
    return true
  }

  const map: OffsetMap = {
    latestOffset: -1,
    size: () => size,
    put(key, offset) {
      const slot = slotOf(key)
      if (offsets[slot] === 0) {
        if (size === keysMax) return false
        size++
        hashes.set(wanted, slot * WORDS)
      }
      offsets[slot] = offset + 1
      map.latestOffset = offset
      return true
    },
    get: (key) => offsets[slotOf(key)]! - 1,
  }
  return map
}
