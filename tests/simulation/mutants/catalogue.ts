/** All deliberate bugs. */
import type { Mutant } from './mutant.ts'
import { quorumMutants } from './quorum.ts'
import { replicaMutants } from './replicas.ts'

export const mutants: readonly Mutant[] = [...quorumMutants, ...replicaMutants]
