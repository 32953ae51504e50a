/** ListOffsets: named offsets and timestamps, and what an election hides for a while. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { listOffsets } from '../../actors/apis/02-list-offsets.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { ListOffsets } from '../../transport/schemas/02-list-offsets.ts'
import { change } from '../replica/changes.ts'
import { produceTo } from '../replica/clients.ts'
import { batchOf, type Rig, withBrokers } from '../replica/rig.ts'

const test = suite('ListOffsets')

type Options = { version?: number; node?: number; replicaId?: number; epoch?: number }

async function offsetOf(rig: Rig, timestamp: number, options: Options = {}) {
  const { version = 9, node = 1, replicaId = -1, epoch = -1 } = options
  const answer = await rig.ask(node, listOffsets, ListOffsets, version, {
    replicaId,
    isolationLevel: 0,
    topics: [
      {
        name: 'orders',
        partitions: [{ partitionIndex: 0, currentLeaderEpoch: epoch, timestamp }],
      },
    ],
    timeoutMs: 0,
  })
  const { errorCode, offset, timestamp: at, leaderEpoch } = answer!.topics[0]!.partitions[0]!
  return errorCode === 0 ? { offset, at, leaderEpoch } : errorName(errorCode)
}

const at = (value: string, timestamp: number) =>
  batchOf([], { records: [{ key: null, value: Buffer.from(value), timestamp }] })

test('named offsets and timestamps', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const t = 1_700_000_000_000
    await produceTo(rig, 1, 'orders', at('a', t))
    await produceTo(rig, 1, 'orders', at('b', t + 500))
    await produceTo(rig, 1, 'orders', at('c', t + 200))
    for (let version = 1; version <= 11; version++) {
      const leaderEpoch = version >= 4 ? 0 : -1
      assert.equal(await offsetOf(rig, -1, { version }), { offset: 3, at: -1, leaderEpoch })
      assert.equal(await offsetOf(rig, -2, { version }), { offset: 0, at: -1, leaderEpoch })
      assert.equal(await offsetOf(rig, t + 1, { version }), { offset: 1, at: t + 500, leaderEpoch })
    }
    const nothing = { offset: -1, at: -1, leaderEpoch: -1 }
    assert.equal(await offsetOf(rig, t + 501), nothing)
    assert.equal(await offsetOf(rig, -3), { offset: 1, at: t + 500, leaderEpoch: 0 })
    assert.equal(await offsetOf(rig, -4), { offset: 0, at: -1, leaderEpoch: 0 })
    assert.equal(await offsetOf(rig, -5), nothing)
    assert.equal(await offsetOf(rig, -6, { version: 11 }), nothing)
  })
})

test('a named timestamp of a later version is not known to an earlier one', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    for (const [timestamp, version] of [
      [-3, 6],
      [-4, 7],
      [-5, 8],
      [-6, 10],
      [-7, 11],
    ] as const) {
      assert.is(await offsetOf(rig, timestamp, { version }), 'UNSUPPORTED_VERSION')
    }
  })
})

test('only the leader answers, in its epoch', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    assert.is(await offsetOf(rig, -1, { node: 2 }), 'NOT_LEADER_OR_FOLLOWER')
    assert.is(await offsetOf(rig, -1, { epoch: 1 }), 'UNKNOWN_LEADER_EPOCH')
  })
})

test('latest-offset-goes-back: a new leader does not tell less than the one before', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[2, 1]] })
    await rig.clock.advance(50)
    const producing = produceTo(rig, 2, 'orders', batchOf(['a']))
    await rig.clock.advance(10)
    await producing
    assert.equal(await offsetOf(rig, -1, { node: 2 }), { offset: 1, at: -1, leaderEpoch: 0 })
    // The follower holds the record; that it is committed, it has not heard yet.
    rig.network.partition([[1, 100], [2]])
    rig.apply(change(topicId, 0, { leader: 1 }))
    assert.is(await offsetOf(rig, -1), 'OFFSET_NOT_AVAILABLE')
    assert.is(await offsetOf(rig, -1, { version: 4 }), 'LEADER_NOT_AVAILABLE')
    assert.equal(await offsetOf(rig, -1, { replicaId: 2 }), { offset: 1, at: -1, leaderEpoch: 1 })
    rig.network.heal()
    await rig.clock.advance(5_000)
    assert.equal(await offsetOf(rig, -1), { offset: 1, at: -1, leaderEpoch: 1 })
  })
})

test.run()
