/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { cleanupMutants } from './mutants/cleanup.ts'
import { prove } from './mutants/prove.ts'

prove(cleanupMutants)
