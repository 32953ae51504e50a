/** A compacted topic as clients and replicas meet it: of each key the last value, on every node. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startCluster } from '../../runtime/index.ts'
import { createTopic, fullIsr, kafkaOf, withAdmin } from '../cluster/support/clients.ts'
import { eventually } from '../real/support/processes.ts'

const test = suite('a compacted topic')

const KEYS = 20
const quick = {
  'log.cleaner.backoff.ms': 100,
  'log.cleaner.delete.retention.ms': 0,
  'log.retention.check.interval.ms': 500,
}
const topicConfig = {
  'cleanup.policy': 'compact',
  'internal.segment.bytes': '3000',
  'min.cleanable.dirty.ratio': '0.01',
  'file.delete.delay.ms': '100',
}

async function write(bootstrap: string, topic: string, rounds: number, name: string) {
  const producer = kafkaOf(bootstrap).producer({ idempotent: true })
  await producer.connect()
  for (let round = 0; round < rounds; round++) {
    const messages = Array.from({ length: KEYS }, (_, key) => ({
      key: `key ${key}`,
      // The last key is deleted in the last round.
      value: key === KEYS - 1 && round === rounds - 1 ? null : `${name} ${key} ${round}`,
    }))
    await producer.send({ topic, acks: -1, messages })
  }
  // So that all of it stands before the active segment.
  const filler = 'x'.repeat(2_000)
  for (const key of ['fill 1', 'fill 2']) {
    await producer.send({ topic, acks: -1, messages: [{ key, value: filler }] })
  }
  await producer.disconnect()
}

type Seen = { count: number; last: Map<string, string | null> }

/** From the beginning up to the end as it is now. */
async function readTopic(bootstrap: string, topic: string): Promise<Seen> {
  const [end] = await withAdmin(bootstrap, (admin) => admin.fetchTopicOffsets(topic))
  const seen: Seen = { count: 0, last: new Map() }
  const groupId = `readers-${Math.random()}`
  const consumer = kafkaOf(bootstrap).consumer({ groupId, maxWaitTimeInMs: 50 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let reached = -1
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.count++
      seen.last.set(message.key!.toString(), message.value?.toString() ?? null)
      reached = Number(message.offset)
    },
  })
  const last = Number(end!.high) - 1
  try {
    await eventually(
      'the end is read',
      async () => reached,
      (offset) => offset >= last,
    )
  } finally {
    await consumer.disconnect()
  }
  return seen
}

/** Reads until little more than one value a key is left. */
const compacted = (bootstrap: string, topic: string) =>
  eventually(
    `${topic} is compacted`,
    () => readTopic(bootstrap, topic),
    ({ count }) => count <= KEYS + 3,
    30_000,
  )

function checkLast({ last }: Seen, name: string, rounds: number) {
  for (let key = 0; key < KEYS - 1; key++) {
    assert.is(last.get(`key ${key}`), `${name} ${key} ${rounds - 1}`)
  }
  assert.is(last.get(`key ${KEYS - 1}`) ?? null, null, 'deleted')
}

test('consumers see the last value of each key, from each replica, after restarts too', async () => {
  await using cluster = await startCluster({ brokers: 3, config: quick })
  const { bootstrapServers } = cluster
  const topic = 'latest'
  await createTopic(bootstrapServers, {
    topic,
    replicaAssignment: [{ partition: 0, replicas: [1, 2, 3] }],
    configEntries: Object.entries(topicConfig).map(([name, value]) => ({ name, value })),
  })
  await write(bootstrapServers, topic, 40, 'first')
  checkLast(await compacted(bootstrapServers, topic), 'first', 40)

  // What node 3 fetches when it is back has gaps.
  cluster.node(3).kill()
  await write(bootstrapServers, topic, 40, 'second')
  checkLast(await compacted(bootstrapServers, topic), 'second', 40)
  await cluster.node(3).start()
  await fullIsr(bootstrapServers, topic)
  for (const id of [1, 2]) {
    cluster.node(id).kill()
    checkLast(await compacted(bootstrapServers, topic), 'second', 40)
    await cluster.node(id).start()
    await fullIsr(bootstrapServers, topic)
  }
})

test.run()
