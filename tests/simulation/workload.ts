/** The clients of a world: they do what the script says, and tell the checker what came of it. */
import { type CreatedTopic, createAdmin } from './admin.ts'
import { createCarelessProducer } from './careless-producer.ts'
import { cleanupFor, keyOfValue } from './cleanup.ts'
import { createTopic } from './client.ts'
import { createConsumer } from './consumer.ts'
import { createGroups } from './groups.ts'
import type { PartitionOf } from './logs.ts'
import { createProducer, type Outcome, type Producer, type SendTo } from './producer.ts'
import {
  type Operation,
  type Produce,
  type ProducerSpec,
  RECREATED,
  type Workload,
} from './script.ts'
import type { World } from './world.ts'

export type Clients = {
  /** All topics are there. */
  isReady(): boolean
  begin(): void
  perform(operation: Operation): void
  /** One batch; the checker is told what came of it. */
  send(producer: string, topic: string, partition: number, values: string[]): Promise<Outcome>
  inFlight(): number
  /** Groups have come to rest. */
  areSettled(): boolean
  /** One record for each partition, by a producer of this name. */
  probe(name: string): { missing(): string[] }
  isRead(): boolean
  positions(): object
  /** Once all is healed. */
  check(): void
  stop(): void
}

const deliveryTimeoutMs = 30_000
const topicsMs = 60_000
/** A producer that has so many batches under way takes no more. */
const inFlightMax = 20
/** How long after a topic is gone somebody still asks for it. */
const strayMs = 2_000

const partitionsOf = ({ name, id, partitions }: CreatedTopic): PartitionOf[] =>
  Array.from({ length: partitions }, (_, partition) => ({ topicId: id, topic: name, partition }))

export function createClients(world: World, workload: Workload): Clients {
  const { topics, producers, groups: groupSpecs } = workload
  const { checker, client, cluster, scheduler, fail } = world
  const partitions = topics.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const keyed = new Map(
    topics
      .filter((topic) => cleanupFor(topic) === 'compacts')
      .map(({ name }) => [name, keyOfValue]),
  )
  const running = new Map<string, Producer>()
  const acksOf = new Map<string, number>()
  let created = 0
  let sends = 0

  const creator = client('creator')
  const admin = createAdmin(client('admin'), {
    fail,
    created: (topic) => {
      if (topic.name.startsWith(RECREATED))
        for (const of of partitionsOf(topic)) consumer.read(of, true)
    },
    deleting(topic, partition, share) {
      const of = { topicId: idOf(topic), topic, partition }
      const before = Math.floor(consumer.position(of) * share)
      checker.partitions.deleting(of, before)
      return before
    },
    // Some of what is under way may still reach who has its name then.
    deleted: (topic) => void scheduler.after(strayMs, () => forget(topic)),
  })
  const groups = createGroups(groupSpecs, topics, world)
  for (const topic of topics) {
    guarded(async () => {
      if (await createTopic(creator, { ...topic, replicationFactor: -1 }, topicsMs)) created++
    })
  }

  function guarded(work: () => Promise<void>): void {
    work().catch(fail)
  }

  function forget(topic: CreatedTopic): void {
    for (const of of partitionsOf(topic)) consumer.forget(of)
    for (const each of running.values()) each.forget(topic.id)
  }

  const idOf = (topic: string): string => cluster.newestImage()!.topicByName(topic)!.id

  async function send(name: string, to: SendTo, values: string[]): Promise<Outcome> {
    const order = sends++
    const outcome = await running.get(name)!.send(to, values)
    const { topic, partition, topicId = idOf(topic) } = to
    const record = { producer: name, order, topicId, topic, partition, values }
    // What one replica acknowledged may be lost with it.
    const lasts = outcome.acked && acksOf.get(name) === -1
    if (lasts) checker.partitions.acked(record, outcome.baseOffset)
    else checker.partitions.unknown(record)
    return outcome
  }

  function startProducer({ name, acks, inFlightMax: most, epochEvery }: ProducerSpec): void {
    acksOf.set(name, acks)
    if (acks === 0) {
      running.set(name, createCarelessProducer(client(name)))
      return
    }
    const producer = createProducer(client(name), {
      acks,
      inFlightMax: most,
      epochEvery,
      deliveryTimeoutMs,
      requestTimeoutMs: 5_000,
      ids: (producerId, { topic, topicId, partition }) =>
        run(() => checker.producers.given(producerId, { acks, topic, topicId, partition })),
      sent: (attempt, nodeId) => {
        const answered = checker.producers.sent(attempt, nodeId)
        return (error) => run(() => answered(error))
      },
    })
    running.set(name, producer)
  }
  for (const spec of producers) startProducer(spec)

  const consumer = createConsumer(client, {
    consumed: (record) => run(() => checker.partitions.consumed(record)),
    reset: (...told) => run(() => checker.partitions.reset(...told)),
    saw: (...told) => run(() => checker.partitions.saw(...told)),
  })

  function run(check: () => void): void {
    try {
      check()
    } catch (why) {
      fail(why)
    }
  }

  const inFlight = () =>
    [...running.values()].reduce((sum, each) => sum + each.inFlight(), admin.inFlight())

  function produce({ producer, label, topic, partition, bytes }: Produce): void {
    const from = running.get(producer)
    if (from === undefined || from.inFlight() >= inFlightMax) return
    const to = target(topic, partition)
    if (to === undefined) return
    const values = bytes.map((size, index) => `${producer}-${label}.${index}-${'x'.repeat(size)}`)
    guarded(async () => void (await send(producer, to, values)))
  }

  /** undefined: it is not there now. */
  function target(topic: string, partition: number): SendTo | undefined {
    if (!topic.startsWith(RECREATED)) return { topic, partition, keyOf: keyed.get(topic) }
    const found = admin.find(topic)
    if (found === undefined || partition >= found.partitions) return undefined
    return { topic: found.name, topicId: found.id, partition }
  }

  return {
    isReady: () => created === topics.length,
    begin() {
      for (const of of partitions) consumer.read({ ...of, topicId: idOf(of.topic) })
    },
    perform(operation) {
      switch (operation.do) {
        case 'produce':
          produce(operation)
          return
        case 'joinGroup':
        case 'leaveGroup':
        case 'killMember':
          groups.perform(operation)
          return
        default:
          admin.perform(operation)
      }
    },
    send: (producer, topic, partition, values) =>
      send(producer, { topic, partition, keyOf: keyed.get(topic) }, values),
    inFlight,
    probe(name) {
      startProducer({ name, acks: -1, inFlightMax: 1 })
      const missing = new Set(partitions.map(({ topic, partition }) => `${topic}-${partition}`))
      for (const { topic, partition } of partitions) {
        guarded(async () => {
          const key = `${topic}-${partition}`
          const to = target(topic, partition)!
          const { acked } = await send(name, to, [`${name}-${key}`])
          if (acked) missing.delete(key)
        })
      }
      return { missing: () => [...missing] }
    },
    isRead: () => checker.partitions.ackedEnds().every((of) => consumer.position(of) >= of.end),
    positions: () =>
      checker.partitions.ackedEnds().map((of) => ({ ...of, position: consumer.position(of) })),
    areSettled: groups.areSettled,
    check: () => admin.check(cluster),
    stop() {
      groups.stop()
      consumer.stop()
      for (const producer of running.values()) producer.stop()
    },
  }
}
