/**
 * One seed: a cluster, its clients and its faults, under one scheduler. First things go wrong and
 * nothing may become wrong (safety); then all is healed, and everything must come right in time.
 */

import { type Checker, createChecker } from './checker.ts'
import { type Client, createClient, createTopic } from './client.ts'
import { type ClusterShape, createCluster, type SimCluster } from './cluster.ts'
import { createConsumer } from './consumer.ts'
import { createFaults, drawMix, type FaultMix } from './faults.ts'
import { createProducer, type Producer } from './producer.ts'
import { type SeededRandom, seededRandom } from './random.ts'
import { createMachine, createScheduler, type Scheduler } from './scheduler.ts'
import { createTrace, type Trace, type TraceEvent } from './trace.ts'
import { must, Violation } from './violation.ts'

export type SimulationOptions = {
  seed: number
  /** Of the phase with faults. */
  faultyMs: number
  brokers?: number
  controllers?: number
  /** Instead of what the seed draws. */
  mix?: FaultMix
  onTrace?: (event: TraceEvent) => void
}

export type Summary = {
  seed: number
  hash: string
  simulatedMs: number
  steps: number
  elections: number
  isrChanges: number
  metadataEnd: number
  ackedRecords: number
  unknownRecords: number
  consumedRecords: number
  faults: Record<string, number>
}

export type Result = Summary & { failure?: { why: Error; recent: TraceEvent[] } }

type World = {
  scheduler: Scheduler
  random: SeededRandom
  trace: Trace
  cluster: SimCluster
  checker: Checker
  client(name: string): Client
  /** A violation that was found outside a step. */
  fail(why: unknown): void
  failure(): unknown
}

type Topic = { name: string; partitions: number }

/** Bounds of the second phase, ms (L rules): several times what the configuration promises. */
const bounds = { leaderMs: 60_000, replicasMs: 120_000, produceMs: 60_000, readMs: 60_000 }
const deliveryTimeoutMs = 30_000
const sometimesMs = 500

export async function simulate(options: SimulationOptions): Promise<Result> {
  const random = seededRandom(options.seed)
  const scheduler = createScheduler()
  const trace = createTrace(scheduler.now, scheduler.steps, options.onTrace)
  const mix = options.mix ?? drawMix(random.fork('mix'))
  const world = createWorld(options, { scheduler, random, trace })
  const { cluster, checker } = world
  const faults = createFaults(mix, {
    scheduler,
    random: random.fork('faults'),
    trace,
    cluster,
    checker,
  })
  const summary = (): Summary => ({
    seed: options.seed,
    hash: trace.hash(),
    simulatedMs: Math.round(scheduler.now()),
    steps: scheduler.steps(),
    elections: checker.quorum.elections(),
    isrChanges: checker.partitions.isrChanges(),
    metadataEnd: checker.quorum.committedEnd(),
    ackedRecords: checker.partitions.ackedRecords(),
    unknownRecords: checker.partitions.unknownRecords(),
    consumedRecords: checker.partitions.consumedRecords(),
    faults: Object.fromEntries(faults.injected()),
  })
  const onRejection = (why: unknown) => world.fail(why)
  process.on('unhandledRejection', onRejection)
  try {
    await story(world, faults, options)
    return summary()
  } catch (why) {
    const error = why instanceof Error ? why : new Error(String(why))
    return { ...summary(), failure: { why: error, recent: trace.recent() } }
  } finally {
    for (const node of cluster.nodes) if (node.end !== undefined) cluster.kill(node)
    process.off('unhandledRejection', onRejection)
  }
}

function createWorld(
  options: SimulationOptions,
  { scheduler, random, trace }: Pick<World, 'scheduler' | 'random' | 'trace'>,
): World {
  let failure: unknown
  const fail = (why: unknown) => {
    failure ??= why
  }
  const cluster = createCluster(drawShape(options, random.fork('shape')), {
    scheduler,
    random,
    trace,
    onStarting: () => {},
    onFailure(node, why) {
      trace.note('node failed', { node: node.id, why: String(why) })
      fail(why)
    },
  })
  const checker = createChecker(cluster)
  cluster.network.onChangedInFlight = (api) =>
    fail(new Violation('S12', 'no buffer is changed while in flight', { api }))
  let nextSometimes = 0
  scheduler.onStep(() => {
    checker.step()
    if (scheduler.now() < nextSometimes) return
    nextSometimes = scheduler.now() + sometimesMs
    checker.sometimes()
  })
  const addresses = cluster.nodes.filter(({ isBroker }) => isBroker).map(({ address }) => address)
  const machine = createMachine(scheduler)
  return {
    scheduler,
    random,
    trace,
    cluster,
    checker,
    fail,
    failure: () => failure,
    client: (name) =>
      createClient({
        name,
        sockets: cluster.sockets,
        machine,
        random: random.fork(name),
        addresses,
      }),
  }
}

/** Mostly three combined nodes; snapshots of the metadata are far apart or next to each other. */
function drawShape(options: SimulationOptions, random: SeededRandom): ClusterShape {
  const brokers = options.brokers ?? random.pick([3, 3, 3, 4, 5])
  const controllers = options.controllers ?? random.pick([0, 0, 0, 1, 3])
  const snapshotBytes = random.chance(0.5)
    ? 20 * 1024 * 1024
    : Math.round(random.between(500, 5_000))
  return {
    brokers,
    controllers,
    config: {
      'offsets.topic.num.partitions': '2',
      'min.insync.replicas': brokers > 2 ? '2' : '1',
      'default.replication.factor': String(Math.min(3, brokers)),
      'metadata.log.max.record.bytes.between.snapshots': String(snapshotBytes),
    },
  }
}

async function story(
  world: World,
  faults: ReturnType<typeof createFaults>,
  options: SimulationOptions,
): Promise<void> {
  const { cluster, random, checker, trace } = world
  for (const node of cluster.nodes) cluster.start(node)
  await until(world, 'L1', 'the cluster starts', bounds.leaderMs, () => isReady(cluster))

  const shape = random.fork('workload')
  const topics: Topic[] = [
    { name: 'first', partitions: 1 + shape.below(4) },
    { name: 'second', partitions: 1 + shape.below(3) },
  ]
  const work = createWork(world, shape, topics)
  await until(
    world,
    'L2',
    'topics can be created',
    bounds.leaderMs,
    () => work.created() === topics.length,
  )
  trace.note('workload', {
    topics,
    nodes: cluster.nodes.map(({ isBroker, isController }) => ({ isBroker, isController })),
  })
  work.begin()
  faults.begin()
  await pass(world, options.faultyMs)

  faults.heal()
  work.end()
  const restarted = () => {
    for (const node of cluster.nodes) if (node.end === undefined) cluster.start(node)
    return isReady(cluster)
  }
  await until(world, 'L1', 'all nodes run and know a leader', bounds.leaderMs, restarted)
  await until(
    world,
    'L2',
    'each partition has a leader and all replicas in its ISR',
    bounds.replicasMs,
    () => isHealthy(cluster),
  )
  await until(world, 'L3', 'each produce ends', bounds.produceMs, () => work.inFlight() === 0)
  const probe = work.probe()
  await until(
    world,
    'L3',
    'each partition takes a record',
    bounds.produceMs,
    () => probe.missing().length === 0,
    () => ({
      missing: probe.missing(),
    }),
  )
  await until(
    world,
    'O11',
    'all that is acknowledged is read',
    bounds.readMs,
    () => work.isRead(checker),
    () => ({
      positions: work.positions(),
      ends: [...checker.partitions.ackedEnds()],
    }),
  )
  await until(world, 'L6', 'images become equal', bounds.leaderMs, () => haveEqualImages(cluster))
  await pass(world, 3_000)
  checker.sometimes()
  checker.partitions.end()
  work.stop()
}

/** Lets time pass; throws what was found meanwhile. */
async function pass({ scheduler, failure }: World, ms: number): Promise<void> {
  await scheduler.run(() => failure() !== undefined, ms)
  if (failure() !== undefined) throw failure()
}

async function until(
  world: World,
  rule: string,
  words: string,
  ms: number,
  holds: () => boolean,
  details: () => object = () => ({ states: statesOf(world.cluster) }),
): Promise<void> {
  const { scheduler, failure } = world
  let next = 0
  const isThere = () => {
    if (failure() !== undefined) return true
    if (scheduler.now() < next) return false
    next = scheduler.now() + 50
    return holds()
  }
  const found = await scheduler.run(isThere, ms)
  if (failure() !== undefined) throw failure()
  must(found || holds(), rule, words, details)
}

const statesOf = ({ nodes }: SimCluster) =>
  nodes.map(({ id, parts, end }) => ({
    id,
    runs: end !== undefined,
    broker: parts?.broker?.state(),
    leader: parts?.quorum.leaderAndEpoch(),
    offset: parts?.loader.image().offset,
    partitions: [...(parts?.loader.image().topics() ?? [])].flatMap((topic) =>
      Array.from({ length: topic.partitionCount() }, (_, index) => {
        const { leader, isr, leaderEpoch } = topic.partition(index)!
        return `${topic.name}-${index}: ${leader}@${leaderEpoch} of ${isr.join()}`
      }),
    ),
  }))

const isReady = ({ nodes }: SimCluster): boolean =>
  nodes.every(
    ({ parts, isBroker }) =>
      parts !== undefined &&
      parts.quorum.leaderAndEpoch().leaderId >= 0 &&
      (!isBroker || parts.broker?.state() === 'running'),
  )

function isHealthy({ nodes }: SimCluster): boolean {
  return nodes.every(({ parts }) => {
    for (const topic of parts!.loader.image().topics()) {
      for (let index = 0; index < topic.partitionCount(); index++) {
        const { leader, isr, replicas } = topic.partition(index)!
        if (leader < 0 || isr.length < replicas.length) return false
      }
    }
    return true
  })
}

const haveEqualImages = ({ nodes }: SimCluster): boolean =>
  new Set(nodes.map(({ parts }) => parts!.loader.image().offset)).size === 1

function createWork(world: World, random: SeededRandom, topics: readonly Topic[]) {
  const { checker, client, fail } = world
  const partitions = topics.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const producers: { name: string; producer: Producer }[] = []
  let created = 0
  let isOn = false
  let values = 0
  let sends = 0

  const admin = client('admin')
  for (const { name, partitions: count } of topics) {
    guarded(async () => {
      const topic = { name, partitions: count, replicationFactor: -1, configs: {} }
      if (await createTopic(admin, topic, bounds.leaderMs)) created++
    })
  }

  function guarded(work: () => Promise<void>): void {
    work().catch(fail)
  }

  async function send(name: string, producer: Producer, topic: string, partition: number) {
    const count = 1 + random.below(4)
    const size = random.chance(0.1) ? 2_000 : 20
    const sent = Array.from(
      { length: count },
      () => `${name}-${values++}-${'x'.repeat(random.below(size))}`,
    )
    const order = sends++
    const outcome = await producer.send(topic, partition, sent)
    const record = { producer: name, order, topic, partition, values: sent }
    if (outcome.acked) checker.partitions.acked(record, outcome.baseOffset)
    else checker.partitions.unknown(record)
    return outcome.acked
  }

  async function produce(name: string, producer: Producer, meanMs: number): Promise<void> {
    while (isOn) {
      await admin.sleep(random.exponential(meanMs))
      if (producer.inFlight() >= 20) continue
      const { topic, partition } = random.pick(partitions)
      guarded(async () => void (await send(name, producer, topic, partition)))
    }
  }

  function producerOf(name: string): Producer {
    const producer = createProducer(client(name), {
      acks: -1,
      deliveryTimeoutMs,
      requestTimeoutMs: 5_000,
      inFlightMax: 1 + random.below(5),
    })
    producers.push({ name, producer })
    return producer
  }

  const consumer = createConsumer(client('consumer'), {
    consumed: (record) => run(() => checker.partitions.consumed(record)),
    saw: (...told) => run(() => checker.partitions.saw(...told)),
  })

  function run(check: () => void): void {
    try {
      check()
    } catch (why) {
      fail(why)
    }
  }

  return {
    created: () => created,
    begin() {
      isOn = true
      for (let index = 0; index < 2; index++) {
        const name = `producer-${index}`
        const producer = producerOf(name)
        guarded(() => produce(name, producer, random.between(20, 200)))
      }
      for (const { topic, partition } of partitions) consumer.read(topic, partition)
    },
    end() {
      isOn = false
    },
    inFlight: () => producers.reduce((sum, { producer }) => sum + producer.inFlight(), 0),
    /** One record for each partition, by a producer of its own. */
    probe() {
      const producer = producerOf('probe')
      const missing = new Set(partitions.map(({ topic, partition }) => `${topic}-${partition}`))
      for (const { topic, partition } of partitions) {
        guarded(async () => {
          const isAcked = await send('probe', producer, topic, partition)
          if (isAcked) missing.delete(`${topic}-${partition}`)
        })
      }
      return { missing: () => [...missing] }
    },
    isRead({ partitions: known }: Checker): boolean {
      const ends = known.ackedEnds()
      return partitions.every(
        ({ topic, partition }) =>
          consumer.position(topic, partition) >= (ends.get(`${topic}-${partition}`) ?? 0),
      )
    },
    positions: () =>
      partitions.map(({ topic, partition }) => [
        `${topic}-${partition}`,
        consumer.position(topic, partition),
      ]),
    stop() {
      consumer.stop()
      for (const { producer } of producers) producer.stop()
    },
  }
}
