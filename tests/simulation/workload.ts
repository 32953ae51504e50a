/** The clients of a world: they do what the script says, and tell the checker what came of it. */
import { createAdmin } from './admin.ts'
import { createCarelessProducer } from './careless-producer.ts'
import { createTopic } from './client.ts'
import { createConsumer } from './consumer.ts'
import { createGroups } from './groups.ts'
import { createProducer, type Outcome, type Producer } from './producer.ts'
import type { Operation, Produce, ProducerSpec, Workload } from './script.ts'
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
  /** One record for each partition, by a producer of its own. */
  probe(): { missing(): string[] }
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

export function createClients(world: World, workload: Workload): Clients {
  const { topics, producers, groups: groupSpecs } = workload
  const { checker, client, fail } = world
  const partitions = topics.flatMap(({ name, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
  )
  const running = new Map<string, Producer>()
  const acksOf = new Map<string, number>()
  let created = 0
  let sends = 0

  const creator = client('creator')
  const admin = createAdmin(client('admin'), fail)
  const groups = createGroups(groupSpecs, topics, world)
  for (const topic of topics) {
    guarded(async () => {
      if (await createTopic(creator, { ...topic, replicationFactor: -1 }, topicsMs)) created++
    })
  }

  function guarded(work: () => Promise<void>): void {
    work().catch(fail)
  }

  const send: Clients['send'] = async (name, topic, partition, values) => {
    const order = sends++
    const outcome = await running.get(name)!.send(topic, partition, values)
    const record = { producer: name, order, topic, partition, values }
    // What one replica acknowledged may be lost with it.
    const lasts = outcome.acked && acksOf.get(name) === -1
    if (lasts) checker.partitions.acked(record, outcome.baseOffset)
    else checker.partitions.unknown(record)
    return outcome
  }

  function startProducer({ name, acks, inFlightMax: most }: ProducerSpec): void {
    acksOf.set(name, acks)
    if (acks === 0) {
      running.set(name, createCarelessProducer(client(name)))
      return
    }
    const producer = createProducer(client(name), {
      acks,
      inFlightMax: most,
      deliveryTimeoutMs,
      requestTimeoutMs: 5_000,
      ids: (producerId) => run(() => checker.producers.given(producerId, acks)),
      sent: (attempt, nodeId) => {
        const answered = checker.producers.sent(attempt, nodeId)
        return (error) => run(() => answered(error))
      },
    })
    running.set(name, producer)
  }
  for (const spec of producers) startProducer(spec)

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

  const inFlight = () =>
    [...running.values()].reduce((sum, each) => sum + each.inFlight(), admin.inFlight())

  function produce({ producer, label, topic, partition, bytes }: Produce): void {
    const to = running.get(producer)
    if (to === undefined || to.inFlight() >= inFlightMax) return
    const values = bytes.map((size, index) => `${producer}-${label}.${index}-${'x'.repeat(size)}`)
    guarded(async () => void (await send(producer, topic, partition, values)))
  }

  return {
    isReady: () => created === topics.length,
    begin() {
      for (const { topic, partition } of partitions) consumer.read(topic, partition)
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
    send,
    inFlight,
    probe() {
      startProducer({ name: 'probe', acks: -1, inFlightMax: 1 })
      const missing = new Set(partitions.map(({ topic, partition }) => `${topic}-${partition}`))
      for (const { topic, partition } of partitions) {
        guarded(async () => {
          const key = `${topic}-${partition}`
          const { acked } = await send('probe', topic, partition, [`probe-${key}`])
          if (acked) missing.delete(key)
        })
      }
      return { missing: () => [...missing] }
    },
    isRead() {
      const ends = checker.partitions.ackedEnds()
      return partitions.every(
        ({ topic, partition }) =>
          consumer.position(topic, partition) >= (ends.get(`${topic}-${partition}`) ?? 0),
      )
    },
    positions: () =>
      Object.fromEntries(
        partitions.map(({ topic, partition }) => [
          `${topic}-${partition}`,
          consumer.position(topic, partition),
        ]),
      ),
    areSettled: groups.areSettled,
    check: () => admin.check(world.cluster),
    stop() {
      groups.stop()
      consumer.stop()
      for (const producer of running.values()) producer.stop()
    },
  }
}
