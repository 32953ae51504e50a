/** All deliberate bugs: each is caught, or the tests fail. */
import { cleanupMutants } from './cleanup.ts'
import { clientMutants } from './clients.ts'
import { diskMutants } from './disks.ts'
import { edgeMutants } from './edges.ts'
import { groupMutants } from './groups.ts'
import type { Mutant } from './mutant.ts'
import { namedMutants } from './named.ts'
import { nodeMutants } from './nodes.ts'
import { outcomeMutants } from './outcomes.ts'
import { quorumMutants } from './quorum.ts'
import { replicaMutants } from './replicas.ts'

export const mutants: readonly Mutant[] = [
  ...quorumMutants,
  ...replicaMutants,
  ...nodeMutants,
  ...namedMutants,
  ...groupMutants,
  ...edgeMutants,
  ...cleanupMutants,
  ...clientMutants,
  ...diskMutants,
  ...outcomeMutants,
]
