/** FindCoordinator: where a group lives, and how the offsets topic comes to be. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { findCoordinator } from '../../actors/apis/10-find-coordinator.ts'
import { javaHash, partitionOf } from '../../actors/group/partition.ts'
import { OFFSETS_TOPIC } from '../../actors/group/types.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { FindCoordinator } from '../../transport/schemas/10-find-coordinator.ts'
import { type Broker, broker as brokerOf, coordinated, world } from './support.ts'

async function find(broker: Broker, key: string, { keyType = 0, version = 6 } = {}) {
  const request = {
    key: version < 4 ? key : '',
    keyType,
    coordinatorKeys: version < 4 ? [] : [key],
  }
  const answer = await broker.ask(findCoordinator, FindCoordinator, version, request)
  const row = version < 4 ? answer : answer.coordinators[0]!
  return { ...row, error: errorName(row.errorCode) }
}

test('a group id hashes as in Java', () => {
  const hashes: [string, number, number][] = [
    ['console-consumer-1', 35_782_224, 24],
    ['polygenelubricants', -2_147_483_648, 0],
    ['g', 103, 3],
    ['größe-✓', 421_259_863, 13],
    ['my-group', -1_906_497_762, 12],
  ]
  for (const [id, hash, partition] of hashes) {
    assert.is(javaHash(id), hash)
    assert.is(partitionOf(id, 50), partition)
  }
})

test('the coordinator is the leader of the partition, by the listener that asks', async () => {
  const { broker, world: on } = await coordinated({}, 2)
  on.logs[1]!.moveTo(2)
  for (let version = 0; version <= 6; version++) {
    for (const group of ['a', 'b', 'c']) {
      const leader = partitionOf(group, 2) + 1
      const { error, nodeId, host, port } = await find(broker, group, { version })
      assert.equal([error, nodeId, host, port], ['NONE', leader, `host${leader}`, 9090 + leader])
    }
  }
})

test('several keys are answered in their order', async () => {
  const { broker } = await coordinated()
  const request = { key: '', keyType: 0, coordinatorKeys: ['x', 'y'] }
  const { coordinators } = await broker.ask(findCoordinator, FindCoordinator, 4, request)
  assert.equal(
    coordinators.map(({ key, nodeId }) => [key, nodeId]),
    [
      ['x', 1],
      ['y', 1],
    ],
  )
})

test('a leader that is fenced, gone or not on this listener is not to be had', async () => {
  const { broker, brokers, world: on } = await coordinated()
  const one = brokers.get(1)!
  brokers.set(1, { ...one, fenced: true })
  const fenced = await find(broker, 'g')
  assert.equal([fenced.error, fenced.nodeId, fenced.port], ['COORDINATOR_NOT_AVAILABLE', -1, -1])
  brokers.set(1, { ...one, endpoints: [{ ...one.endpoints[0]!, name: 'INTERNAL' }] })
  assert.is((await find(broker, 'g')).error, 'COORDINATOR_NOT_AVAILABLE')
  brokers.set(1, one)
  on.logs[0]!.leader = -1
  assert.is((await find(broker, 'g')).error, 'COORDINATOR_NOT_AVAILABLE')
})

test('the first one that asks makes the topic; until then nothing is available', async () => {
  const on = world()
  on.topics.delete(OFFSETS_TOPIC)
  const it = brokerOf(on, 1, {
    'offsets.topic.num.partitions': 7,
    'offsets.topic.segment.bytes': 1_000,
  })
  const first = find(it, 'g')
  const second = find(it, 'g')
  assert.is((await first).error, 'COORDINATOR_NOT_AVAILABLE')
  assert.is((await second).error, 'COORDINATOR_NOT_AVAILABLE')
  assert.is(on.created.length, 1, 'asked once while the answer is awaited')
  const [request] = on.created as unknown as { topics: unknown[] }[]
  assert.equal(request!.topics, [
    {
      name: OFFSETS_TOPIC,
      numPartitions: 7,
      replicationFactor: 3,
      assignments: [],
      configs: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'compression.type', value: 'producer' },
        { name: 'segment.bytes', value: '1000' },
      ],
    },
  ])
  await on.clock.advance(1)
  await find(it, 'g')
  assert.is(on.created.length, 2, 'and again when it is still not there')
})

test('other kinds of coordinators are refused in words', async () => {
  const { broker } = await coordinated()
  const transaction = await find(broker, 't', { keyType: 1, version: 4 })
  assert.is(transaction.error, 'UNSUPPORTED_VERSION')
  assert.match(transaction.errorMessage!, /does not offer transactions/)
  assert.is((await find(broker, 't', { keyType: 1, version: 1 })).error, 'UNSUPPORTED_VERSION')
  assert.is((await find(broker, 's', { keyType: 2, version: 5 })).error, 'INVALID_REQUEST')
  assert.is((await find(broker, 's', { keyType: 2 })).error, 'UNSUPPORTED_VERSION')
  assert.is((await find(broker, 's', { keyType: 9 })).error, 'INVALID_REQUEST')
})

test.run()
