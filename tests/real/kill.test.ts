/**
 * A process a node over a NATS server, an idempotent librdkafka producer, and `kill -9`.
 *
 * Times are told, not asserted, but where a promise of Kafka's own timeouts would be broken.
 */
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { inSync, leaderOf } from './support/cluster-state.ts'
import { combined, type ProcessCluster, startProcesses } from './support/clusters.ts'
import { activeController, type Watch, watchFences } from './support/fences.ts'
import { assertNothingLost, longestGap, startProducer } from './support/history.ts'
import { python, topics } from './support/kafka-tools.ts'
import { eventually, sleep } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const suite = realSuite('kill -9 over NATS')
let cluster: ProcessCluster
let watch: Watch

/** Checked in the scenario, not in a hook: uvu hides what hooks fail with. */
const test = (name: string, body: () => Promise<void>) =>
  suite(name, async () => {
    await body()
    watch.assertNoFalseFence()
  })

if (skipUnless('nats-server', 'kcat', 'java', 'kafka-jars', 'python-librdkafka')) {
  suite.before(async () => {
    cluster = await startProcesses(combined(3))
    watch = watchFences(cluster)
  })
  suite.after(() => cluster.close())

  test('a topic of six partitions is made and replicated', async () => {
    await eventually(
      'a topic is created',
      () =>
        topics(
          cluster.bootstrap,
          '--create',
          '--topic',
          'kill',
          '--partitions',
          '6',
          '--replication-factor',
          '3',
        ),
      () => true,
      60_000,
    )
    await inSync(cluster.bootstrap, 'kill', 3)
  })

  test('each node is killed and restarted in turn under load; nothing acknowledged is lost', async () => {
    const producer = startProducer(cluster.bootstrap, 'kill', 6, 2_000)
    await eventually(
      'first writes',
      async () => producer.acknowledged().length,
      (n) => n > 1_000,
    )
    for (const node of cluster.nodes) {
      await node.kill()
      await sleep(3_000)
      node.start()
      await inSync(cluster.bootstrap, 'kill', 3)
    }
    const acks = await producer.finish()
    console.log(`${acks.length} acknowledged; longest pause ${longestGap(acks)} ms`)
    await assertNothingLost(cluster.bootstrap, 'kill', acks)
  })

  test('the leader of a partition is killed: writes to it go on', async () => {
    const leader = await leaderOf(cluster.bootstrap, 'kill')
    await topics(
      cluster.bootstrap,
      '--create',
      '--topic',
      'led',
      '--replica-assignment',
      [leader, ...[1, 2, 3].filter((id) => id !== leader)].join(':'),
    )
    await inSync(cluster.bootstrap, 'led', 3)
    const producer = startProducer(cluster.bootstrap, 'led', 1, 500)
    await eventually(
      'first writes',
      async () => producer.acknowledged().length,
      (n) => n > 500,
    )
    await cluster.node(leader).kill()
    await sleep(4_000)
    cluster.node(leader).start()
    await inSync(cluster.bootstrap, 'led', 3)
    const acks = await producer.finish()
    console.log(`without acknowledged writes: ${longestGap(acks, 0)} ms`)
    await assertNothingLost(cluster.bootstrap, 'led', acks)
  })

  test('the active controller is killed: topics are created again, and no producer feels it', async () => {
    const active = activeController(watch).id
    const creator = python('create_topics.py', [
      cluster.nodes
        .filter(({ id }) => id !== active)
        .map(({ port }) => `127.0.0.1:${port}`)
        .join(','),
      'failover',
    ])
    await eventually(
      'first topics',
      async () => creator.lines.length,
      (n) => n > 5,
    )
    await cluster.node(active).kill()
    await sleep(4_000)
    creator.child.stdin!.end()
    await creator.exited
    const created = creator.lines
      .map((line) => JSON.parse(line))
      .filter(({ error }) => error === null)
    let gap = 0
    for (let i = 1; i < created.length; i++) gap = Math.max(gap, created[i].t - created[i - 1].t)
    console.log(`without a created topic: ${gap} ms`)
    cluster.node(active).start()
    await inSync(cluster.bootstrap, 'kill', 3)
    const listed = new Set(await topics(cluster.bootstrap, '--list'))
    for (const { topic } of created) assert.ok(listed.has(topic), `${topic} was acknowledged`)
  })
}

suite.run()
