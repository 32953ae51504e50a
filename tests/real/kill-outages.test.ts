/**
 * What is silent but not dead, or back before anybody counts it as dead: a NATS server that restarts,
 * a process that is stopped, a node that is restarted at once. Nobody is fenced without reason.
 *
 * Times are told, not asserted, but where a promise of Kafka's own timeouts would be broken.
 */
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { inSync, leaderOf, partitionsOf } from './support/cluster-state.ts'
import { combined, type ProcessCluster, startProcesses } from './support/clusters.ts'
import { activeController, type Watch, watchFences } from './support/fences.ts'
import { assertNothingLost, longestGap, startProducer } from './support/history.ts'
import { topics } from './support/kafka-tools.ts'
import { eventually, sleep } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

/** Kafka's session and quorum fetch timeouts, and a second for all that follows. */
const sessionBoundMs = 9_000 + 1_000
const quorumBoundMs = 2_000 + 1_000

const suite = realSuite('outages over NATS')
let cluster: ProcessCluster
let watch: Watch

const create = (topic: string, partitions: number, replicas = 3) =>
  eventually(
    `${topic} is created`,
    () =>
      topics(
        cluster.bootstrap,
        '--create',
        '--if-not-exists',
        '--topic',
        topic,
        '--partitions',
        String(partitions),
        '--replication-factor',
        String(replicas),
      ),
    () => true,
    60_000,
  )

async function producing(topic: string, partitions: number, rate: number) {
  const producer = startProducer(cluster.bootstrap, topic, partitions, rate)
  await eventually(
    'first writes',
    async () => producer.acknowledged().length,
    (count) => count > rate,
  )
  return producer
}

async function finished(producer: ReturnType<typeof startProducer>, topic: string, what: string) {
  const acks = await producer.finish()
  console.log(`${what}: ${acks.length} acknowledged; longest pause ${longestGap(acks)} ms`)
  await assertNothingLost(cluster.bootstrap, topic, acks)
}

const registrations = () => watch.told('registered').length
const signal = (id: number, name: 'SIGSTOP' | 'SIGCONT') =>
  cluster.node(id).program!.child.kill(name)

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
    await create('outages', 3)
    await inSync(cluster.bootstrap, 'outages', 3)
  })
  suite.after(() => cluster.close())

  test('a node that is killed and restarted at once need not wait for its session', async () => {
    const node = cluster.nodes.find(({ id }) => id !== activeController(watch).id)!
    const before = registrations()
    await node.kill()
    const killedAt = performance.now()
    node.start()
    await eventually(
      'it is registered',
      async () => registrations(),
      (count) => count > before,
    )
    const tookMs = Math.round(performance.now() - killedAt)
    console.log(`registered ${tookMs} ms after kill -9, start of the process included`)
    assert.ok(tookMs < 9_000, 'long before its old session would have ended')
    await inSync(cluster.bootstrap, 'outages', 3)
  })

  test('the NATS server is killed and restarted under load: nobody is fenced, nothing moves', async () => {
    await create('outage', 3)
    await inSync(cluster.bootstrap, 'outage', 3)
    const leaders = async () =>
      (await partitionsOf(cluster.bootstrap, 'outage')).map(({ leader }) => leader)
    const before = {
      leaders: await leaders(),
      controller: activeController(watch),
      fences: [...watch.fences()],
      registrations: registrations(),
      isrChanges: watch.told('leader').length,
    }
    const producer = await producing('outage', 3, 600)
    for (let round = 0; round < 3; round++) {
      await cluster.nats.kill()
      await cluster.nats.start()
      const then = producer.acknowledged().length
      await eventually(
        'writes go on',
        async () => producer.acknowledged().length,
        (count) => count > then + 300,
      )
    }
    await finished(producer, 'outage', 'NATS server restarted three times')
    const after = {
      leaders: await leaders(),
      controller: activeController(watch),
      fences: [...watch.fences()],
      registrations: registrations(),
      isrChanges: watch.told('leader').length,
    }
    assert.equal(after, before)
  })

  test('an outage of NATS longer than the fetch timeout is survived, too', async () => {
    await create('long-outage', 3)
    await inSync(cluster.bootstrap, 'long-outage', 3)
    const producer = await producing('long-outage', 3, 600)
    await cluster.nats.kill()
    await sleep(4_000)
    await cluster.nats.start()
    const then = producer.acknowledged().length
    await eventually(
      'writes go on',
      async () => producer.acknowledged().length,
      (count) => count > then + 600,
    )
    await inSync(cluster.bootstrap, 'long-outage', 3)
    await finished(producer, 'long-outage', 'NATS server away for 4 s')
  })

  test('a leader stopped for less than its session is not fenced', async () => {
    const leader = await leaderOf(cluster.bootstrap, 'outages')
    const before = [...watch.fences()]
    signal(leader, 'SIGSTOP')
    await sleep(4_000)
    signal(leader, 'SIGCONT')
    await inSync(cluster.bootstrap, 'outages', 3)
    await sleep(1_000)
    assert.equal([...watch.fences()], before)
  })

  test('the active controller is stopped: another takes over, and it returns without harm', async () => {
    await create('stopped-controller', 3)
    await inSync(cluster.bootstrap, 'stopped-controller', 3)
    const producer = await producing('stopped-controller', 3, 600)
    const old = activeController(watch)
    signal(old.id, 'SIGSTOP')
    const stoppedAt = performance.now()
    await eventually(
      'another controller is active',
      async () => activeController(watch),
      ({ epoch }) => epoch > old.epoch,
    )
    const tookMs = Math.round(performance.now() - stoppedAt)
    signal(old.id, 'SIGCONT')
    console.log(`another controller is active ${tookMs} ms after SIGSTOP`)
    assert.ok(tookMs <= quorumBoundMs, `within the fetch timeout and a second, not ${tookMs} ms`)
    await inSync(cluster.bootstrap, 'stopped-controller', 3)
    await finished(producer, 'stopped-controller', 'controller stopped')
  })

  test('a leader stopped for longer than its session is replaced, and returns without harm', async () => {
    await create('stopped-leader', 1)
    await inSync(cluster.bootstrap, 'stopped-leader', 3)
    const producer = await producing('stopped-leader', 1, 300)
    const leader = await leaderOf(cluster.bootstrap, 'stopped-leader')
    const wasActive = activeController(watch).id === leader
    const before = watch.fences().get(leader) ?? 0
    signal(leader, 'SIGSTOP')
    const stoppedAt = performance.now()
    await eventually(
      'it is fenced',
      async () => watch.fences().get(leader) ?? 0,
      (count) => count > before,
    )
    const tookMs = Math.round(performance.now() - stoppedAt)
    signal(leader, 'SIGCONT')
    watch.expectFence(leader)
    console.log(`fenced ${tookMs} ms after SIGSTOP${wasActive ? ', the controller with it' : ''}`)
    const boundMs = sessionBoundMs + (wasActive ? quorumBoundMs : 0)
    assert.ok(tookMs <= boundMs, `within Kafka's timeouts and a second, not ${tookMs} ms`)
    await inSync(cluster.bootstrap, 'stopped-leader', 3)
    await finished(producer, 'stopped-leader', 'leader stopped')
  })

  test('all are told to stop at once: each stops cleanly, soon', async () => {
    const toldAt = performance.now()
    const codes = await Promise.all(cluster.nodes.map((node) => node.stop()))
    console.log(`all stopped within ${Math.round(performance.now() - toldAt)} ms`)
    assert.equal(codes, [0, 0, 0])
  })
}

suite.run()
