/** The smaller APIs over a broker's own data: DeleteRecords, InitProducerId, epochs, directories, producers. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deleteRecords } from '../../actors/apis/21-delete-records.ts'
import { initProducerId } from '../../actors/apis/22-init-producer-id.ts'
import { offsetForLeaderEpoch } from '../../actors/apis/23-offset-for-leader-epoch.ts'
import { describeLogDirs } from '../../actors/apis/35-describe-log-dirs.ts'
import { describeProducers } from '../../actors/apis/61-describe-producers.ts'
import { listConfigResources } from '../../actors/apis/74-list-config-resources.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { DeleteRecords } from '../../transport/schemas/21-delete-records.ts'
import { InitProducerId } from '../../transport/schemas/22-init-producer-id.ts'
import { OffsetForLeaderEpoch } from '../../transport/schemas/23-offset-for-leader-epoch.ts'
import { DescribeLogDirs } from '../../transport/schemas/35-describe-log-dirs.ts'
import { DescribeProducers } from '../../transport/schemas/61-describe-producers.ts'
import { ListConfigResources } from '../../transport/schemas/74-list-config-resources.ts'
import { change } from '../replica/changes.ts'
import { fetchedPartition, fetchFrom, produceTo } from '../replica/clients.ts'
import { batchOf, type Rig, withBrokers } from '../replica/rig.ts'

const test = suite('data APIs')

const deleting = async (rig: Rig, offset: number, name = 'orders', timeoutMs = 30_000) => {
  const answer = await rig.ask(1, deleteRecords, DeleteRecords, 2, {
    topics: [{ name, partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs,
  })
  const { errorCode, lowWatermark } = answer!.topics[0]!.partitions[0]!
  return { error: errorName(errorCode), lowWatermark }
}

test('DeleteRecords waits until the live replicas have followed', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const producing = produceTo(rig, 1, 'orders', batchOf(['a', 'b', 'c']))
    await rig.clock.advance(700)
    await producing
    const deleted = deleting(rig, 2)
    await rig.clock.advance(100)
    assert.equal(await deleted, { error: 'NONE', lowWatermark: 2 })
    assert.is(rig.node(2).store.get({ topic: 'orders', partition: 0 })!.startOffset(), 2)
    const below = await fetchedPartition(fetchFrom(rig, 1, 'orders', 1))
    assert.is(errorName(below.errorCode), 'OFFSET_OUT_OF_RANGE')
  })
})

test('DeleteRecords: what is not deleted', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders', { replicas: [[1, 2]] })
    rig.createTopic('compacted', { configs: { 'cleanup.policy': 'compact' } })
    rig.createTopic('__consumer_offsets')
    await rig.clock.advance(50)
    assert.is((await deleting(rig, 1)).error, 'OFFSET_OUT_OF_RANGE')
    assert.is((await deleting(rig, -2)).error, 'OFFSET_OUT_OF_RANGE')
    assert.is((await deleting(rig, 0, 'compacted')).error, 'POLICY_VIOLATION')
    assert.is((await deleting(rig, 0, '__consumer_offsets')).error, 'INVALID_TOPIC_EXCEPTION')
    assert.is((await deleting(rig, 0, 'nowhere')).error, 'UNKNOWN_TOPIC_OR_PARTITION')
    const producing = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(20)
    await producing
    rig.network.partition([[1, 100], [2]])
    const late = deleting(rig, -1, 'orders', 500)
    await rig.clock.advance(500)
    assert.is((await late).error, 'REQUEST_TIMED_OUT')
  })
})

test('InitProducerId: ids differ, block after block; transactions are refused', async () => {
  await withBrokers([1, 2], async (rig) => {
    const ask = async (node: number, version: number, transactionalId: string | null) => {
      const asking = rig.ask(node, initProducerId, InitProducerId, version, {
        transactionalId,
        transactionTimeoutMs: 0,
        producerId: -1,
        producerEpoch: -1,
        enable2Pc: false,
        keepPreparedTxn: false,
      })
      await rig.clock.advance(5)
      return (await asking)!
    }
    const ids = new Set<number>()
    for (let i = 0; i < 30; i++) {
      const { errorCode, producerId, producerEpoch } = await ask(1 + (i % 2), i % 6, null)
      assert.is(errorCode, 0)
      assert.is(producerEpoch, 0)
      ids.add(producerId)
    }
    assert.is(ids.size, 30)
    assert.is(errorName((await ask(1, 5, 'tx')).errorCode), 'UNSUPPORTED_VERSION')
    assert.is(errorName((await ask(1, 5, '')).errorCode), 'INVALID_REQUEST')
  })
})

test('InitProducerId without a controller asks the client to come again', async () => {
  await withBrokers([1], async (rig) => {
    rig.setController(-1)
    const asking = rig.ask(1, initProducerId, InitProducerId, 4, {
      transactionalId: null,
      transactionTimeoutMs: 0,
      producerId: -1,
      producerEpoch: -1,
      enable2Pc: false,
      keepPreparedTxn: false,
    })
    await rig.clock.advance(6_000)
    assert.is(errorName((await asking)!.errorCode), 'COORDINATOR_LOAD_IN_PROGRESS')
  })
})

test('OffsetForLeaderEpoch tells where each epoch ends', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders')
    await produceTo(rig, 1, 'orders', batchOf(['a', 'b']))
    rig.apply(change(topicId, 0, { leader: 1 }))
    rig.apply(change(topicId, 0, { leader: 1 }))
    await produceTo(rig, 1, 'orders', batchOf(['c']))
    for (const version of [2, 3, 4]) {
      const end = async (leaderEpoch: number, currentLeaderEpoch = -1) => {
        const answer = await rig.ask(1, offsetForLeaderEpoch, OffsetForLeaderEpoch, version, {
          replicaId: -1,
          topics: [
            { topic: 'orders', partitions: [{ partition: 0, currentLeaderEpoch, leaderEpoch }] },
          ],
        })
        const told = answer!.topics[0]!.partitions[0]!
        return [errorName(told.errorCode), told.leaderEpoch, told.endOffset]
      }
      assert.equal(await end(0), ['NONE', 0, 2])
      assert.equal(await end(2), ['NONE', 2, 3])
      assert.equal(await end(3), ['NONE', -1, -1])
      assert.equal(await end(0, 1), ['FENCED_LEADER_EPOCH', -1, -1])
    }
  })
})

test('DescribeLogDirs and DescribeProducers tell what lies here', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders', { replicas: [[1], [2]] })
    const batch = batchOf(['a'], { producerId: 7, producerEpoch: 2, baseSequence: 0 })
    await produceTo(rig, 1, 'orders', batch)
    const dirs = (await rig.ask(1, describeLogDirs, DescribeLogDirs, 4, { topics: null }))!
    assert.equal(
      dirs.results[0]!.topics.map(({ name, partitions }) => [
        name,
        partitions.map((p) => [p.partitionIndex, p.partitionSize]),
      ]),
      [['orders', [[0, batch.length]]]],
    )
    const producers = (await rig.ask(1, describeProducers, DescribeProducers, 0, {
      topics: [{ name: 'orders', partitionIndexes: [0, 1] }],
    }))!.topics[0]!.partitions
    assert.is(producers[0]!.activeProducers[0]!.producerId, 7)
    assert.is(producers[0]!.activeProducers[0]!.producerEpoch, 2)
    assert.is(errorName(producers[1]!.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  })
})

test('ListConfigResources names what can be described', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const ask = async (version: number, resourceTypes: number[]) =>
      (await rig.ask(1, listConfigResources, ListConfigResources, version, { resourceTypes }))!
    const names = (await ask(1, [2, 4])).configResources.map((r) => [
      r.resourceType,
      r.resourceName,
    ])
    assert.equal(names, [
      [2, 'orders'],
      [4, '1'],
    ])
    assert.equal((await ask(0, [])).configResources, [])
    assert.is(errorName((await ask(1, [99])).errorCode), 'UNSUPPORTED_VERSION')
  })
})

test.run()
