/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { prove } from './mutants/prove.ts'
import { replicaMutants } from './mutants/replicas.ts'

prove(replicaMutants)
