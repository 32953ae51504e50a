/** Lets a mutant loose in a process of its own, and tells which rule caught it, if any did. */
import { playAside } from '../aside.ts'
import { scenariosEntry } from '../scenarios.ts'
import type { Tried } from '../tried.ts'
import type { Mutant, Seeds } from './mutant.ts'

export type MutantOutcome = {
  mutant: Mutant
  /** undefined: it survived. */
  rule: string | undefined
  words: string
  /** How many seeds it took. */
  seeds: number
  ms: number
}

export const enough: Seeds = { from: 1, most: 40 }

export const seedsEntry = `import './mutants/seeds-child.ts'`
const costsEntry = `import './mutants/costs-child.ts'`

function entryOf({ run }: Mutant): string {
  if ('costs' in run) return costsEntry
  return 'scenario' in run ? scenariosEntry([run.scenario]) : seedsEntry
}

/** @param isPatched false: the same seeds against the code as it is, which must hold */
export async function runMutant(
  mutant: Mutant,
  seeds: Seeds = enough,
  isPatched = true,
): Promise<MutantOutcome> {
  const startedAt = performance.now()
  const patches = isPatched ? mutant.patches : []
  const { run } = mutant
  const tried = (await playAside(entryOf(mutant), { run, seeds }, patches)) as Tried[]
  const last = tried.at(-1)
  return {
    mutant,
    rule: last?.rule,
    words: last?.words ?? '',
    seeds: tried.length,
    ms: performance.now() - startedAt,
  }
}

export const isCaught = ({ mutant, rule }: MutantOutcome): boolean =>
  rule !== undefined && mutant.rules.includes(rule)
