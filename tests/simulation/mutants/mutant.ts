/**
 * A deliberate bug: a place or two of the production code, patched as its file is loaded into a process of
 * its own. The code itself knows nothing of it. Who patches something breaks a promise, so the
 * simulation must say which.
 */
import type { FaultMix } from '../draw.ts'
import type { SimulationOptions } from '../simulate.ts'

export type Mutant = {
  name: string
  /** Whose ids may catch it; the first is the rule that it is made to break. */
  rules: readonly [string, ...string[]]
  patches: readonly Patch[]
  /** What provokes it: seeds, one after the other or each twice, a named scenario, or what things cost. */
  run: MutantRun | { twice: MutantRun } | { scenario: string } | { costs: true }
}

export type Patch = {
  /** From the root of the repository. */
  file: string
  /** Stands there exactly once. */
  find: string
  replace: string
}

export type MutantRun = Omit<SimulationOptions, 'seed' | 'onTrace'>

/** Normally one of the first does; a change elsewhere gives each seed another history. */
export type Seeds = { from: number; most: number }

export const patch = (file: string, find: string, replace: string): Patch => ({
  file,
  find,
  replace,
})

export const calm: FaultMix = {
  meanMs: {},
  lossRate: 0,
  repeatRate: 0,
  delayMs: 0.3,
  stallRate: 0,
}

/** @param meanMs between two faults of a kind */
export const restless = (meanMs: FaultMix['meanMs'], more: Partial<FaultMix> = {}): FaultMix => ({
  ...calm,
  ...more,
  meanMs,
})

/** Three nodes, brokers and controllers at once. */
export const settled = { brokers: 3, controllers: 0 } as const
