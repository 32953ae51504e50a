/** When something happens that happens again and again, from a seed: as chance has it, around a mean. */
import type { SeededRandom } from './random.ts'

export type Times = { faultyMs: number; meanMs: number | undefined; random: SeededRandom }

export function* times({ faultyMs, meanMs, random }: Times): Generator<number> {
  if (meanMs === undefined) return
  let at = random.exponential(meanMs)
  for (; at < faultyMs; at += random.exponential(meanMs)) yield round(at)
}

/** To a microsecond, so that a script reads well. */
export const round = (ms: number) => Math.round(ms * 1_000) / 1_000
