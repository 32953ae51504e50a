/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { edgeMutants } from './mutants/edges.ts'
import { prove } from './mutants/prove.ts'

prove(edgeMutants)
