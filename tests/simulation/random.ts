/** Chance from a seed: xoshiro128**, seeded by splitmix32. `fork` gives a stream of its own by name. */
import type { Random } from '../../actors/ports/random.ts'

export type SeededRandom = Random & {
  fork(name: string): SeededRandom
  chance(rate: number): boolean
  between(least: number, most: number): number
  pick<T>(from: readonly T[]): T
  exponential(mean: number): number
}

export function seededRandom(seed: number): SeededRandom {
  let mixer = seed >>> 0
  const mix = (): number => {
    mixer = (mixer + 0x9e3779b9) >>> 0
    let z = mixer
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let [a, b, c, d] = [mix(), mix(), mix(), mix()]
  const rotl = (x: number, k: number) => (x << k) | (x >>> (32 - k))
  const uint32 = (): number => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotl(d, 11)
    return result
  }
  const next = () => (uint32() * 0x20_0000 + (uint32() >>> 11)) / 2 ** 53
  const below = (bound: number) => Math.floor(next() * bound)
  return {
    next,
    below,
    uuid() {
      const bytes = Buffer.alloc(16)
      for (let at = 0; at < 16; at += 4) bytes.writeUInt32BE(uint32(), at)
      bytes[0] = bytes[0]! & 0x7f
      bytes[6] = (bytes[6]! & 0x0f) | 0x40
      return bytes.toString('base64url')
    },
    fork: (name) => seededRandom(hashOf(name, uint32())),
    chance: (rate) => next() < rate,
    between: (least, most) => least + next() * (most - least),
    pick: (from) => from[below(from.length)]!,
    exponential: (mean) => -Math.log(1 - next()) * mean,
  }
}

/** So many of them, each at most once. */
export function someOf(from: readonly number[], count: number, random: SeededRandom): number[] {
  const left = [...from]
  return Array.from({ length: count }, () => left.splice(random.below(left.length), 1)[0]!)
}

function hashOf(name: string, start: number): number {
  let hash = start | 0
  for (let at = 0; at < name.length; at++) {
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193)
  }
  return hash >>> 0
}
