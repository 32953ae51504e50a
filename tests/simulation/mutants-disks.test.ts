/** Deliberate bugs, each in a process of its own: one that no rule catches fails. */
import { diskMutants } from './mutants/disks.ts'
import { prove } from './mutants/prove.ts'

prove(diskMutants)
