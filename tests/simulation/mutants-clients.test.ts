/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { clientMutants } from './mutants/clients.ts'
import { prove } from './mutants/prove.ts'

prove(clientMutants)
