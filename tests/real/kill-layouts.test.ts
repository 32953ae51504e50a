/**
 * Other shapes of a cluster, a process a node over NATS: dedicated controllers, a broker that is
 * nothing else, a node alone. Each loses a node to `kill -9` under load, and nothing acknowledged.
 */
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { inSync } from './support/cluster-state.ts'
import { combined, type ProcessCluster, startProcesses } from './support/clusters.ts'
import { activeController, type Watch, watchFences } from './support/fences.ts'
import { assertNothingLost, longestGap, startProducer } from './support/history.ts'
import { python } from './support/kafka-tools.ts'
import { eventually, sleep } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('layouts over NATS')
let cluster: ProcessCluster | undefined
let watch: Watch

async function started(layout: Parameters<typeof startProcesses>[0]): Promise<ProcessCluster> {
  cluster = await startProcesses(layout)
  watch = watchFences(cluster)
  const { nodes } = cluster
  const brokers = nodes.filter(({ roles }) => roles.includes('broker')).length
  await eventually(
    'every node is ready',
    async () =>
      nodes.filter(({ program }) => program!.lines.some((line) => line.startsWith('ready'))),
    (ready) => ready.length === nodes.length,
    60_000,
  )
  const creator = python('create_topics.py', [
    cluster.bootstrap,
    'layout',
    String(Math.min(3, brokers)),
  ])
  creator.child.stdin!.end()
  await creator.exited
  await inSync(cluster.bootstrap, 'layout-0', Math.min(3, brokers))
  return cluster
}

/** kill -9 under load, and back; the producer is told of nothing but acknowledgements. */
async function killed(of: ProcessCluster, id: number, replicas: number) {
  const producer = startProducer(of.bootstrap, 'layout-0', 1, 300)
  await eventually(
    'first writes',
    async () => producer.acknowledged().length,
    (count) => count > 300,
  )
  await of.node(id).kill()
  await sleep(2_000)
  of.node(id).start()
  await of.node(id).program!.line(/^ready/, 60_000)
  const then = producer.acknowledged().length
  await eventually(
    'writes go on',
    async () => producer.acknowledged().length,
    (count) => count > then + 300,
  )
  await inSync(of.bootstrap, 'layout-0', replicas)
  const acks = await producer.finish()
  console.log(
    `node ${id} killed: ${acks.length} acknowledged; longest pause ${longestGap(acks)} ms`,
  )
  await assertNothingLost(of.bootstrap, 'layout-0', acks)
  return longestGap(acks)
}

if (skipUnless('nats-server', 'kcat', 'python-librdkafka')) {
  test.after.each(async () => {
    await cluster?.close()
    cluster = undefined
  })

  test('three controllers and three brokers: nobody feels the loss of the active controller', async () => {
    const brokers = [4, 5, 6].map((id) => ({ id, roles: 'broker' as const }))
    const controllers = [1, 2, 3].map((id) => ({ id, roles: 'controller' as const }))
    const of = await started([...controllers, ...brokers])
    const { id, epoch } = activeController(watch)
    const pauseMs = await killed(of, id, 3)
    assert.ok(activeController(watch).epoch > epoch, 'another controller took over')
    assert.equal([...watch.fences()], [], 'no broker was fenced')
    assert.ok(pauseMs < 9_000, 'writes did not wait for a session')
    const codes = await Promise.all(of.nodes.map((node) => node.stop()))
    assert.equal(codes, [0, 0, 0, 0, 0, 0])
  })

  test('three combined nodes and a broker: the broker is killed and returns', async () => {
    const of = await started([...combined(3), { id: 4, roles: 'broker' }])
    await killed(of, 4, 3)
    watch.assertNoFalseFence()
  })

  test('a single node: killed and started again, it has all that it acknowledged', async () => {
    const of = await started(combined(1))
    await killed(of, 1, 1)
    watch.assertNoFalseFence()
    assert.is(await of.node(1).stop(), 0)
  })
}

test.run()
