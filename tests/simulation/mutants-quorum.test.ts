/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { prove } from './mutants/prove.ts'
import { quorumMutants } from './mutants/quorum.ts'

prove(quorumMutants)
