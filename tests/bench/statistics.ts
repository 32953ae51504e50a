/** Medians and ratios of paired measurements. */

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export type Ratio = { ratio: number; min: number; max: number }

/** Of the medians; `min` and `max` are those of the single pairs. Ours is above, theirs below. */
export function ratioOf(ours: readonly number[], theirs: readonly number[]): Ratio {
  const each = ours.map((value, index) => value / theirs[index]!)
  return { ratio: median(ours) / median(theirs), min: Math.min(...each), max: Math.max(...each) }
}
