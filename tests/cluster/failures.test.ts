/** Nodes of an embedded cluster fail and part, while clients write: what the library is for. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startCluster } from '../../runtime/index.ts'
import { eventually, sleep } from '../real/support/processes.ts'
import {
  createTopic,
  describe,
  fullIsr,
  kafkaOf,
  readAll,
  startWriting,
} from './support/clients.ts'

/** Silence counts after two seconds, not nine. */
const impatient = { 'broker.session.timeout.ms': 2_000, 'broker.heartbeat.interval.ms': 500 }

const test = suite('an embedded cluster with failures')

test('each node killed in turn under load: nothing acknowledged is lost', async () => {
  await using cluster = await startCluster({ brokers: 3 })
  const { bootstrapServers } = cluster
  await createTopic(bootstrapServers, { topic: 'kept', numPartitions: 3, replicationFactor: 3 })
  const writer = await startWriting(bootstrapServers, 'kept')
  await writer.goesOn()
  for (const node of cluster.nodes) {
    node.kill()
    assert.not(node.isRunning())
    await writer.goesOn()
    await node.start()
    assert.ok(node.isRunning())
    await fullIsr(bootstrapServers, 'kept')
  }
  const acknowledged = await writer.end()
  assert.ok(acknowledged.length > 800)
  await readAll(bootstrapServers, 'kept', acknowledged)
})

test('a controlled shutdown moves leadership first, and the producer sees no error', async () => {
  await using cluster = await startCluster({ brokers: 3 })
  const { bootstrapServers } = cluster
  await createTopic(bootstrapServers, { topic: 'moved', numPartitions: 6, replicationFactor: 3 })
  const writer = await startWriting(bootstrapServers, 'moved')
  await writer.goesOn()
  await cluster.node(2).stop()
  assert.not(cluster.node(2).isRunning())
  for (const { leader, isr } of await describe(bootstrapServers, 'moved')) {
    assert.is.not(leader, 2)
    assert.not(isr.includes(2))
  }
  await writer.goesOn()
  await cluster.node(2).start()
  await fullIsr(bootstrapServers, 'moved')
  await readAll(bootstrapServers, 'moved', await writer.end())
})

test('a minority refuses, the majority goes on, and healed they agree', async () => {
  await using cluster = await startCluster({ brokers: 3, config: impatient })
  const { bootstrapServers } = cluster
  await createTopic(bootstrapServers, {
    topic: 'parted',
    replicaAssignment: [{ partition: 0, replicas: [1, 2, 3] }],
    configEntries: [{ name: 'min.insync.replicas', value: '2' }],
  })
  const [address1, ...others] = bootstrapServers.split(',')
  const majority = others.join(',')
  const before = await startWriting(bootstrapServers, 'parted')
  await before.goesOn()
  const early = await before.end()

  const lonely = kafkaOf(address1!).producer({ retry: { retries: 0 } })
  await lonely.connect()
  await lonely.send({ topic: 'parted', acks: -1, messages: [{ value: 'still heard' }] })
  cluster.partition([[1], [2, 3]])
  let refused: unknown
  const lost = lonely
    .send({
      topic: 'parted',
      acks: -1,
      timeout: 3_000,
      messages: [{ value: 'never acknowledged' }],
    })
    .catch((why: unknown) => {
      refused = why
    })
  await eventually(
    'a leader among the majority',
    () => describe(majority, 'parted'),
    ([row]) => row!.leader === 2 || row!.leader === 3,
  )
  const writer = await startWriting(majority, 'parted')
  await writer.goesOn()
  await lost
  assert.ok(refused, 'a leader without its majority acknowledged a record')
  await lonely.disconnect()

  cluster.heal()
  await fullIsr(bootstrapServers, 'parted')
  await writer.goesOn()
  const acknowledged = [...early, 'still heard', ...(await writer.end())]
  const read = await readAll(bootstrapServers, 'parted', acknowledged)
  assert.not(read.includes('never acknowledged'), 'what was truncated came back')

  // No divergence: whoever leads serves the same records.
  for (const id of [2, 3]) {
    await cluster.node(id).stop()
    const again = await readAll(bootstrapServers, 'parted', acknowledged)
    assert.equal(again, read)
    await cluster.node(id).start()
    await fullIsr(bootstrapServers, 'parted')
  }
})

test('all nodes killed at once come back with everything', async () => {
  await using cluster = await startCluster({ brokers: 3, config: impatient })
  const { bootstrapServers } = cluster
  await createTopic(bootstrapServers, { topic: 'dark', numPartitions: 3, replicationFactor: 3 })
  const writer = await startWriting(bootstrapServers, 'dark')
  await writer.goesOn()
  for (const node of cluster.nodes) node.kill()
  await sleep(100)
  await Promise.all(cluster.nodes.map((node) => node.start()))
  await writer.goesOn()
  await fullIsr(bootstrapServers, 'dark')
  await readAll(bootstrapServers, 'dark', await writer.end())
})

test.run()
