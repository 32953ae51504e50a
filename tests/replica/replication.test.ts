/** Produce, replicate, high watermark, answer, fetch: three brokers over the memory link. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorName } from '../../transport/protocol/errors.ts'
import { change } from './changes.ts'
import { fetchedPartition, fetchFrom, producedError, produceTo } from './clients.ts'
import { batchOf, withBrokers } from './rig.ts'

const test = suite('replication')

test('acks=all answers once all in-sync replicas hold the batch', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const producing = produceTo(rig, 1, 'orders', batchOf(['a', 'b']))
    await rig.clock.advance(20)
    const answer = await producing
    assert.is(answer!.responses[0]!.partitionResponses[0]!.errorCode, 0)
    assert.is(answer!.responses[0]!.partitionResponses[0]!.baseOffset, 0)
    for (const id of [2, 3]) {
      assert.is(rig.node(id).store.get({ topic: 'orders', partition: 0 })!.endOffset(), 2)
    }
    const fetched = await fetchFrom(rig, 1, 'orders', 0)
    const partition = fetched!.responses[0]!.partitions[0]!
    assert.is(partition.highWatermark, 2)
    assert.ok(partition.records!.length > 0)
    await rig.clock.advance(600)
    assert.is((await fetchFrom(rig, 2, 'orders', 0))!.responses[0]!.partitions[0]!.highWatermark, 2)
  })
})

/** Resolves to what a promise has come to by now, undefined when it is still open. */
async function soFar<T>(promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, new Promise<undefined>((done) => setImmediate(done, undefined))])
}

const endOf = (rig: Parameters<Parameters<typeof withBrokers>[1]>[0], id: number) =>
  rig.node(id).store.get({ topic: 'orders', partition: 0 })!.endOffset()

test('a dead follower leaves the ISR after the lag time, and what waited is answered', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    rig.node(3).kill()
    const producing = produceTo(rig, 1, 'orders', batchOf(['a']), { timeoutMs: 60_000 })
    await rig.clock.advance(5_000)
    assert.is(await soFar(producing), undefined)
    await rig.clock.advance(46_000)
    assert.is(await producedError(producing), 'NONE')
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is(rig.alterations.length, 1)
  })
})

test('a follower that returns joins the ISR again once it has caught up', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    rig.node(2).kill()
    rig.fence(2, 1)
    const topicId = rig.node(1).image().topicByName('orders')!.id
    rig.apply(change(topicId, 0, { isr: [1] }))
    await produceTo(rig, 1, 'orders', batchOf(['a', 'b', 'c']))
    await rig.start(2)
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is(endOf(rig, 2), 3)
    const asked = rig.alterations[0]!.topics[0]!.partitions[0]!.newIsrWithEpochs
    assert.equal(asked, [
      { brokerId: 1, brokerEpoch: rig.node(1).broker.host.brokerEpoch() },
      { brokerId: 2, brokerEpoch: rig.node(2).broker.host.brokerEpoch() },
    ])
  })
})

test('pending-isr-member-leads: while an expansion is pending the joiner counts', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const topicId = rig.node(1).image().topicByName('orders')!.id
    rig.network.partition([[1, 100], [2]])
    rig.apply(change(topicId, 0, { isr: [1] }))
    let release = () => {}
    const held = new Promise<void>((done) => {
      release = done
    })
    rig.onAlterPartition = async (_, honest) => {
      await held
      return honest()
    }
    rig.network.heal()
    await rig.clock.advance(600)
    assert.is(rig.alterations.length > 0, true)
    rig.network.partition([[1, 100], [2]])
    const producing = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(300)
    assert.is(await soFar(producing), undefined, 'the joiner has not fetched it')
    rig.network.heal()
    release()
    await rig.clock.advance(3_000)
    assert.is(await producedError(producing), 'NONE')
    assert.is(endOf(rig, 2), 1)
    assert.equal(rig.partition('orders').isr, [1, 2])
  })
})

test('power-loss-divergence: a former leader drops what the new one does not have', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    const first = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(20)
    assert.is(await producedError(first), 'NONE')
    rig.network.partition([[1], [2, 3, 100]])
    const lost = produceTo(rig, 1, 'orders', batchOf(['x', 'y']), { timeoutMs: 100 })
    await rig.clock.advance(200)
    assert.is(await producedError(lost), 'REQUEST_TIMED_OUT')
    rig.node(1).holdMetadata()
    rig.apply(change(topicId, 0, { isr: [2, 3], leader: 2 }))
    const next = produceTo(rig, 2, 'orders', batchOf(['b']))
    await rig.clock.advance(100)
    assert.is(await producedError(next), 'NONE')
    assert.is(endOf(rig, 1), 3)
    rig.network.heal()
    rig.node(1).releaseMetadata()
    await rig.clock.advance(1_500)
    assert.is(endOf(rig, 1), 2)
    const logOf = (id: number) =>
      rig.node(id).store.get({ topic: 'orders', partition: 0 })!.read(0, 10_000, 2, true)
    assert.equal(logOf(1), logOf(2))
    assert.equal(rig.partition('orders').isr.slice().sort(), [1, 2, 3])
  })
})

test('zombie-leader-fetch: epochs of another time are refused on both sides', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    rig.apply(change(topicId, 0, { leader: 1 }))
    const at = async (currentLeaderEpoch: number) =>
      (await fetchedPartition(fetchFrom(rig, 1, 'orders', 0, { currentLeaderEpoch }))).errorCode
    assert.is(await at(0), 74)
    assert.is(await at(1), 0)
    assert.is(await at(2), 75)
    const away = await fetchedPartition(fetchFrom(rig, 2, 'orders', 0, { version: 10 }))
    assert.is(away.errorCode, 6)
  })
})

test('below min.insync.replicas acks=all is refused before the append, acks=1 stays unseen', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const configs = { 'min.insync.replicas': '2' }
    const topicId = rig.createTopic('orders', { configs })
    await rig.clock.advance(50)
    rig.node(2).kill()
    rig.node(3).kill()
    rig.fence(2, 1)
    rig.fence(3, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    assert.is(
      await producedError(produceTo(rig, 1, 'orders', batchOf(['a']))),
      'NOT_ENOUGH_REPLICAS',
    )
    assert.is(endOf(rig, 1), 0)
    const unseen = produceTo(rig, 1, 'orders', batchOf(['a']), { acks: 1 })
    assert.is(await producedError(unseen), 'NONE')
    assert.is((await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).highWatermark, 0)
    rig.apply({
      type: 'ConfigRecord',
      resourceType: 2,
      resourceName: 'orders',
      name: 'min.insync.replicas',
      value: '1',
    })
    assert.is((await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).highWatermark, 1)
  })
})

test('losing the leadership ends what waits: the outcome is unknown, the client asks elsewhere', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    rig.network.partition([[1, 100], [2]])
    const producing = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(10)
    rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
    const answer = (await producing)!.responses[0]!.partitionResponses[0]!
    assert.is(answer.errorCode, 6)
    assert.equal(answer.currentLeader, { leaderId: 2, leaderEpoch: 1 })
  })
})

test('a consumer waits for the high watermark and is answered when it moves', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const waiting = fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 5_000 })
    await rig.clock.advance(1_000)
    assert.is(await soFar(waiting), undefined)
    void produceTo(rig, 1, 'orders', batchOf(['a']), { acks: 1 })
    await rig.clock.advance(20)
    const { highWatermark, records } = (await soFar(waiting))!.responses[0]!.partitions[0]!
    assert.is(highWatermark, 1)
    assert.ok(records!.length > 0)
  })
})

test('stopping-broker: a controlled shutdown hands over first, and the log closes cleanly', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const stopping = rig.node(1).broker.shutdown(30_000)
    await rig.clock.advance(500)
    await stopping
    assert.equal(rig.partition('orders').isr, [2, 3])
    assert.is(rig.partition('orders').leader, 2)
    const producing = produceTo(rig, 2, 'orders', batchOf(['a']))
    await rig.clock.advance(20)
    assert.is(await producedError(producing), 'NONE')
  })
})

test('topic-recreated-while-offline: old bytes are never served under the new id', async () => {
  await withBrokers([1, 2], async (rig) => {
    const old = rig.createTopic('orders')
    await rig.clock.advance(50)
    const producing = produceTo(rig, 1, 'orders', batchOf(['old']))
    await rig.clock.advance(20)
    await producing
    rig.node(2).kill()
    rig.apply({ type: 'RemoveTopicRecord', topicId: old })
    rig.createTopic('orders', { replicas: [[2, 1]] })
    await rig.start(2)
    await rig.clock.advance(100)
    assert.is(endOf(rig, 2), 0)
    assert.is((await fetchedPartition(fetchFrom(rig, 2, 'orders', 0))).highWatermark, 0)
  })
})

test('a restarted broker replays the past and keeps its logs', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const producing = produceTo(rig, 1, 'orders', batchOf(['a', 'b']))
    await rig.clock.advance(20)
    await producing
    rig.node(2).kill()
    const again = await rig.start(2)
    assert.is(again.store.get({ topic: 'orders', partition: 0 })!.endOffset(), 2)
    await rig.clock.advance(1_000)
    assert.is(again.broker.state(), 'running')
    assert.is(endOf(rig, 2), 2)
  })
})

test('a failing log directory takes its replicas offline; the last one ends the node', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    rig.node(1).failDisk()
    const producing = produceTo(rig, 1, 'orders', batchOf(['a']), { acks: 1 })
    assert.is(await producedError(producing), 'KAFKA_STORAGE_ERROR')
    const fetched = await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))
    assert.is(errorName(fetched.errorCode), 'KAFKA_STORAGE_ERROR')
    const [why] = rig.node(1).halted.splice(0)
    assert.match(String(why), 'no log directory is left')
  })
})

test('lost answers of a leader begin the session anew, and nothing is missing', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    for (let i = 0; i < 10; i++) {
      rig.network.partition([[1, 100], [2]])
      const producing = produceTo(rig, 1, 'orders', batchOf([`v${i}`]))
      await rig.clock.advance(700)
      rig.network.heal()
      await rig.clock.advance(4_000)
      assert.is(await producedError(producing), 'NONE')
    }
    assert.is(endOf(rig, 2), 10)
  })
})

test.run()
