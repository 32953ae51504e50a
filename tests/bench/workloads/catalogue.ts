/** All that can be measured, in the order in which it is, and is shown. */
import { consumeWorkloads } from './consume.ts'
import { controlWorkloads } from './control.ts'
import { firstTest } from './first-test.ts'
import { javaClientWorkloads } from './java-clients.ts'
import { mixedWorkloads } from './mixed.ts'
import { produceWorkloads } from './produce.ts'
import { raftWorkloads } from './raft.ts'
import type { Workload } from './workload.ts'

export const workloads: readonly Workload[] = [
  ...produceWorkloads,
  ...consumeWorkloads,
  ...mixedWorkloads,
  ...controlWorkloads,
  firstTest,
  ...raftWorkloads,
  ...javaClientWorkloads,
]
