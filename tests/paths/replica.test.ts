/** The replica chart, walked inside a broker's replicas; logs, link and controller are of paper. */
import { test } from 'uvu'
import { replica } from '../../machines/replica.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { adapterOf } from './replica-adapter.ts'
import { nodeId, replicaIds, type Start } from './replica-world.ts'
import { walk } from './walk.ts'

const starts: Start[] = [
  { name: 'a leader of two in sync', leader: nodeId, isr: [1, 2] },
  { name: 'a leader of three in sync', leader: nodeId, isr: replicaIds },
  { name: 'a follower', leader: 2, isr: [1, 2] },
  { name: 'a replica without a leader', leader: -1, isr: [1, 2] },
  { name: 'a replica that finds no directory', leader: 2, isr: [2, 3], fails: 'made' },
  { name: 'a follower whose disk fails', leader: 2, isr: [1, 2], fails: 'cut' },
]

listenToGuards(replica)

test('every path through the replica chart is what a broker does', async () => {
  const coverage = coverageOf('replica', replica)
  for (const start of starts) await walk(replica, adapterOf(start), coverage)
  coverage.report()
})

test.run()
