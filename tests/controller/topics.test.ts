/** Topics are created, enlarged and deleted, or refused with Kafka's errors. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errorName } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import { CreatePartitions } from '../../transport/schemas/37-create-partitions.ts'
import { assigned, topic } from './requests.ts'
import { active, type World } from './world.ts'

const create = async (it: World, topics: ReturnType<typeof topic>[], validateOnly = false) => {
  const answer = await it.ask(CreateTopics, { topics, timeoutMs: 1_000, validateOnly })
  return answer.topics
}
const errorsOf = (results: { errorCode: number }[]) =>
  results.map(({ errorCode }) => errorName(errorCode))

test('a topic, its configuration and its partitions are one atomic batch', async () => {
  const it = await active()
  await it.brokers(7, 8, 9)
  const configs = [{ name: 'retention.ms', value: '1000' }]
  const [created] = await create(it, [
    topic('a', { numPartitions: 2, replicationFactor: 3, configs }),
  ])
  assert.is(created!.numPartitions, 2)
  assert.is(created!.replicationFactor, 3)
  assert.equal(
    it.quorum.batches.at(-1)?.records.map(({ type }) => type),
    ['TopicRecord', 'ConfigRecord', 'PartitionRecord', 'PartitionRecord'],
  )
  const view = it.committed().topicById(created!.topicId)!
  assert.is(view.name, 'a')
  for (const index of [0, 1]) {
    const { replicas, isr, leader, leaderEpoch, partitionEpoch, directories } =
      view.partition(index)!
    assert.equal([...replicas].sort(), [7, 8, 9])
    assert.equal(isr, replicas)
    assert.is(leader, replicas[0])
    assert.equal([leaderEpoch, partitionEpoch], [0, 0])
    assert.equal(
      directories,
      replicas.map((id) => `directory${id}`.padEnd(22, 'A')),
    )
  }
  const shown = created!.configs!.find(({ name }) => name === 'retention.ms')
  assert.equal([shown?.value, shown?.configSource], ['1000', 1])
})

test('each topic of a request succeeds or fails by itself', async () => {
  const it = await active()
  await it.brokers(7, 8)
  await create(it, [topic('there.is'), topic('there')])
  const bad = [
    [topic('there'), 'TOPIC_ALREADY_EXISTS'],
    [topic('there_is'), 'INVALID_TOPIC_EXCEPTION'],
    [topic(''), 'INVALID_TOPIC_EXCEPTION'],
    [topic('..'), 'INVALID_TOPIC_EXCEPTION'],
    [topic('a/b'), 'INVALID_TOPIC_EXCEPTION'],
    [topic('x'.repeat(250)), 'INVALID_TOPIC_EXCEPTION'],
    [topic('__cluster_metadata'), 'INVALID_REQUEST'],
    [topic('b', { numPartitions: 0 }), 'INVALID_PARTITIONS'],
    [topic('c', { replicationFactor: 0 }), 'INVALID_REPLICATION_FACTOR'],
    [topic('d', { replicationFactor: 3 }), 'INVALID_REPLICATION_FACTOR'],
    [topic('e', { configs: [{ name: 'no.such', value: '1' }] }), 'INVALID_CONFIG'],
    [topic('f', { configs: [{ name: 'retention.ms', value: 'x' }] }), 'INVALID_CONFIG'],
    [topic('g', { configs: [{ name: 'retention.ms', value: null }] }), 'INVALID_CONFIG'],
    [{ ...assigned('h', [7]), numPartitions: 1 }, 'INVALID_REQUEST'],
    [assigned('i', [7], [8, 7]), 'INVALID_REPLICA_ASSIGNMENT'],
    [assigned('j', [7, 7]), 'INVALID_REPLICA_ASSIGNMENT'],
    [assigned('k', []), 'INVALID_REPLICA_ASSIGNMENT'],
    [assigned('l', [9]), 'INVALID_REPLICA_ASSIGNMENT'],
  ] as const
  const good = assigned('good', [7, 8], [8, 7])
  const results = await create(it, [...bad.map(([asked]) => asked), good])
  assert.equal(errorsOf(results), [...bad.map(([, error]) => error), 'NONE'])
  assert.equal(it.committed().topicByName('good')?.partition(1)?.replicas, [8, 7])
  assert.is(it.committed().topicCount(), 3)
})

test('a topic that is named twice is refused, in one answer', async () => {
  const it = await active()
  await it.brokers(7)
  const results = await create(it, [topic('a'), topic('a'), topic('b')])
  assert.equal(errorsOf(results), ['INVALID_REQUEST', 'NONE'])
})

test('validateOnly answers as if and writes nothing', async () => {
  const it = await active()
  await it.brokers(7)
  const before = it.records().length
  const [answer] = await create(it, [topic('a')], true)
  assert.equal([answer!.errorCode, answer!.numPartitions], [0, 1])
  assert.is(it.records().length, before)
})

test('more than 10,000 partitions in one request are refused as a whole', async () => {
  const it = await active()
  await it.brokers(7)
  const results = await create(it, [topic('a'), topic('b', { numPartitions: 10_000 })])
  assert.equal(errorsOf(results), ['POLICY_VIOLATION', 'POLICY_VIOLATION'])
})

test('counts of -1 are the broker defaults', async () => {
  const it = await active({ 'num.partitions': '4', 'default.replication.factor': '2' })
  await it.brokers(7, 8)
  const [created] = await create(it, [topic('a', { numPartitions: -1, replicationFactor: -1 })])
  assert.equal([created!.numPartitions, created!.replicationFactor], [4, 2])
})

test('without an unfenced broker nothing can be placed', async () => {
  const it = await active()
  await it.register(7)
  assert.equal(errorsOf(await create(it, [topic('a')])), ['INVALID_REPLICATION_FACTOR'])
  assert.equal(errorsOf(await create(it, [assigned('b', [7])])), ['INVALID_REPLICA_ASSIGNMENT'])
})

test('a topic is deleted by name or id, with its configuration, and its name is free again', async () => {
  const it = await active()
  await it.brokers(7)
  const configs = [{ name: 'retention.ms', value: '1000' }]
  const [a, b] = await create(it, [topic('a', { configs }), topic('b')])
  const answer = await it.ask(DeleteTopics, {
    topics: [
      { name: 'a', topicId: ZERO_UUID },
      { name: null, topicId: b!.topicId },
      { name: 'c', topicId: ZERO_UUID },
      { name: null, topicId: 'x'.repeat(22) },
      { name: null, topicId: ZERO_UUID },
    ],
    topicNames: [],
    timeoutMs: 1_000,
  })
  assert.equal(errorsOf(answer.responses), [
    'NONE',
    'NONE',
    'UNKNOWN_TOPIC_OR_PARTITION',
    'UNKNOWN_TOPIC_ID',
    'INVALID_REQUEST',
  ])
  assert.is(it.committed().topicCount(), 0)
  assert.is(it.committed().configs({ type: 'topic', name: 'a' }).size, 0)
  const [again] = await create(it, [topic('a')])
  assert.is(errorName(again!.errorCode), 'NONE')
  assert.is.not(again!.topicId, a!.topicId)
})

test('a topic that is named twice is not deleted, by name and id neither', async () => {
  const it = await active()
  await it.brokers(7)
  const [a, b] = await create(it, [topic('a'), topic('b')])
  const byName = (name: string) => ({ name, topicId: ZERO_UUID })
  const byId = (topicId: string) => ({ name: null, topicId })
  for (const topics of [
    [byName('a'), byName('a')],
    [byId(b!.topicId), byId(b!.topicId)],
    [byName('a'), byId(a!.topicId)],
  ]) {
    const { responses } = await it.ask(DeleteTopics, { topics, topicNames: [], timeoutMs: 1_000 })
    assert.equal(errorsOf(responses), ['INVALID_REQUEST'])
  }
  assert.is(it.committed().topicCount(), 2)
})

test('delete.topic.enable=false forbids it', async () => {
  const it = await active({ 'delete.topic.enable': 'false' })
  await it.brokers(7)
  await create(it, [topic('a')])
  const request = { topics: [{ name: 'a', topicId: ZERO_UUID }], topicNames: [], timeoutMs: 1_000 }
  const { responses } = await it.ask(DeleteTopics, request)
  assert.equal(errorsOf(responses), ['TOPIC_DELETION_DISABLED'])
  assert.ok(it.committed().topicByName('a'))
})

test('partitions are added, with as many replicas as the others', async () => {
  const it = await active()
  await it.brokers(7, 8)
  await create(it, [assigned('a', [7, 8]), topic('b'), topic('c'), topic('d'), topic('e')])
  const by = (name: string, count: number, lists: number[][] | null = null) => ({
    name,
    count,
    assignments: lists?.map((brokerIds) => ({ brokerIds })) ?? null,
  })
  const answer = await it.ask(CreatePartitions, {
    topics: [
      by('a', 3),
      by('b', 2, [[8]]),
      by('c', 1),
      by('d', 2, [[7], [8]]),
      by('e', 2, [[7, 8]]),
      by('f', 2),
    ],
    timeoutMs: 1_000,
    validateOnly: false,
  })
  assert.equal(errorsOf(answer.results), [
    'NONE',
    'NONE',
    'INVALID_PARTITIONS',
    'INVALID_REPLICA_ASSIGNMENT',
    'INVALID_REPLICA_ASSIGNMENT',
    'UNKNOWN_TOPIC_OR_PARTITION',
  ])
  const a = it.committed().topicByName('a')!
  assert.is(a.partitionCount(), 3)
  assert.is(a.partition(2)?.replicas.length, 2)
  assert.equal(it.committed().topicByName('b')?.partition(1)?.replicas, [8])
})

test.run()
