/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { nodeMutants } from './mutants/nodes.ts'
import { prove } from './mutants/prove.ts'

prove(nodeMutants)
