/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { outcomeMutants } from './mutants/outcomes.ts'
import { prove } from './mutants/prove.ts'

prove(outcomeMutants)
