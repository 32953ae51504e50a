/**
 * A process a node over a NATS server, an idempotent librdkafka producer, and `kill -9`.
 *
 * Times are told, not asserted, but where a promise of Kafka's own timeouts would be broken.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { combined, type ProcessCluster, startProcesses } from './support/clusters.ts'
import { assertNothingLost, longestGap, startProducer } from './support/history.ts'
import { java, python, topics } from './support/kafka-tools.ts'
import { eventually, sleep } from './support/processes.ts'

const test = suite('kill -9 over NATS')
let cluster: ProcessCluster

async function inSync(topic: string, brokers: number) {
  await eventually(
    `every ISR of ${topic} has ${brokers} members`,
    () => topics(cluster.bootstrap, '--describe', '--topic', topic),
    (lines) => {
      const rows = lines.filter((line) => /Partition: \d/.test(line))
      return (
        rows.length > 0 &&
        rows.every((row) => /Isr: (\S+)/.exec(row)?.[1]?.split(',').length === brokers)
      )
    },
    60_000,
  )
}

async function leaderOf(topic: string, partition: number): Promise<number> {
  const lines = await topics(cluster.bootstrap, '--describe', '--topic', topic)
  const row = lines.find((line) => line.includes(`Partition: ${partition}\t`))
  return Number(/Leader: (\d+)/.exec(row ?? '')?.[1])
}

async function activeController(): Promise<number> {
  const lines = await java('org.apache.kafka.tools.MetadataQuorumCommand', [
    '--bootstrap-server',
    cluster.bootstrap,
    'describe',
    '--status',
  ])
  return Number(/LeaderId:\s+(\d+)/.exec(lines.join('\n'))?.[1])
}

if (skipUnless('nats-server', 'kcat', 'java', 'kafka-jars', 'python-librdkafka')) {
  test.before(async () => {
    cluster = await startProcesses(combined(3))
  })
  test.after(() => cluster.close())

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
    await inSync('kill', 3)
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
      await inSync('kill', 3)
    }
    const acks = await producer.finish()
    console.log(`${acks.length} acknowledged; longest pause ${longestGap(acks)} ms`)
    await assertNothingLost(cluster.bootstrap, 'kill', acks)
  })

  test('the leader of a partition is killed: writes to it go on', async () => {
    const leader = await leaderOf('kill', 0)
    await topics(
      cluster.bootstrap,
      '--create',
      '--topic',
      'led',
      '--replica-assignment',
      [leader, ...[1, 2, 3].filter((id) => id !== leader)].join(':'),
    )
    await inSync('led', 3)
    const producer = startProducer(cluster.bootstrap, 'led', 1, 500)
    await eventually(
      'first writes',
      async () => producer.acknowledged().length,
      (n) => n > 500,
    )
    await cluster.node(leader).kill()
    await sleep(4_000)
    cluster.node(leader).start()
    await inSync('led', 3)
    const acks = await producer.finish()
    console.log(`without acknowledged writes: ${longestGap(acks, 0)} ms`)
    await assertNothingLost(cluster.bootstrap, 'led', acks)
  })

  test('the active controller is killed: topics are created again, and no producer feels it', async () => {
    const active = await activeController()
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
    await inSync('kill', 3)
    const listed = new Set(await topics(cluster.bootstrap, '--list'))
    for (const { topic } of created) assert.ok(listed.has(topic), `${topic} was acknowledged`)
  })

  test('the NATS server is killed and restarted: the nodes return by themselves', async () => {
    const producer = startProducer(cluster.bootstrap, 'kill', 6, 1_000)
    const before = producer.acknowledged().length
    await eventually(
      'first writes',
      async () => producer.acknowledged().length,
      (n) => n > before + 1_000,
    )
    await cluster.nats.kill()
    await sleep(1_000)
    await cluster.nats.start()
    const then = producer.acknowledged().length
    await eventually(
      'writes go on',
      async () => producer.acknowledged().length,
      (n) => n > then + 1_000,
    )
    await inSync('kill', 3)
    await producer.finish()
  })

  test('a node that is stopped, not dead, is replaced within Kafka’s timeouts and returns', async () => {
    const leader = await leaderOf('led', 0)
    cluster.node(leader).program!.child.kill('SIGSTOP')
    await sleep(11_000)
    cluster.node(leader).program!.child.kill('SIGCONT')
    await inSync('led', 3)
  })
}

test.run()
