/** Deliberate bugs that the histories of others taught: each is caught. */
import { namedMutants } from './mutants/named.ts'
import { prove } from './mutants/prove.ts'

prove(namedMutants)
