/** Latencies by tenths of a millisecond, in constant memory: percentiles of millions of records. */

const perMs = 10
/** What took longer counts as this. */
const longestMs = 20_000

export type Latencies = {
  add(ms: number): void
  /** @param part 0.99 for p99; ms, 0 when nothing was added */
  at(part: number): number
  clear(): void
}

export function createLatencies(): Latencies {
  const counts = new Uint32Array(longestMs * perMs + 1)
  let total = 0
  return {
    add(ms) {
      const bin = Math.min(counts.length - 1, Math.max(0, Math.round(ms * perMs)))
      counts[bin] = counts[bin]! + 1
      total++
    },
    at(part) {
      let left = Math.ceil(total * part)
      if (left === 0) return 0
      let bin = 0
      while (left > counts[bin]!) left -= counts[bin++]!
      return bin / perMs
    },
    clear() {
      counts.fill(0)
      total = 0
    },
  }
}
