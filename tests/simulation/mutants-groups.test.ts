/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { groupMutants } from './mutants/groups.ts'
import { prove } from './mutants/prove.ts'

prove(groupMutants)
