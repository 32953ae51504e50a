/** Who counts in the ISR, and what it commits: histories that once went wrong somewhere. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorName } from '../../transport/protocol/errors.ts'
import { change } from './changes.ts'
import { fetchedPartition, fetchFrom, producedError, produceTo } from './clients.ts'
import { bytesAt, endsAt, fetchAs, idempotent, logAt, produced, rowAt, soFar } from './orders.ts'
import { batchOf, withBrokers } from './rig.ts'

const test = suite('isr')

test('elected again, a leader goes on with what waits', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    const waiting = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(10)
    rig.apply(change(topicId, 0, { leader: 1 }))
    await rig.clock.advance(10)
    assert.is(await soFar(waiting), undefined)
    rig.network.heal()
    await rig.clock.advance(4_000)
    assert.is(await producedError(waiting), 'NONE')
    assert.equal(logAt(rig, 2).endOffsetFor(0), { epoch: 0, endOffset: 1 })
  })
})

test('retry-after-leader-kill: five in flight get their original offsets from the next leader', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    const flying = [0, 1, 2, 3, 4].map((at) => produceTo(rig, 1, 'orders', idempotent(at)))
    await rig.clock.advance(5)
    assert.equal(endsAt(rig, [2, 3]), [5, 5])
    rig.node(1).kill()
    rig.apply(change(topicId, 0, { isr: [2, 3], leader: 2 }))
    for (const at of [0, 1, 2, 3, 4]) {
      assert.equal(await produced(rig, 2, idempotent(at)), { error: 'NONE', baseOffset: at })
    }
    assert.equal(await produced(rig, 2, idempotent(5)), { error: 'NONE', baseOffset: 5 })
    void flying
  })
})

test('reboot-empty-stale-fetch: a fetch of the former incarnation does not bring it into the ISR', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a', 'b']))
    const former = rig.node(2).broker.host.brokerEpoch()
    rig.node(2).kill()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    // The leader has yet to hear of the registration when the old fetch arrives, and again after it.
    rig.node(1).holdMetadata()
    rig.network.partition([[1], [2, 100]])
    await rig.start(2)
    await rig.clock.advance(100)
    await fetchAs(rig, 1, 2, former, 2)
    rig.node(1).releaseMetadata()
    rig.network.partition([[1, 100], [2]])
    const late = (await fetchAs(rig, 1, 2, former, 2))!.responses[0]!.partitions[0]!
    assert.is(errorName(late.errorCode), 'NOT_LEADER_OR_FOLLOWER')
    await rig.clock.advance(20_000)
    assert.equal(rig.partition('orders').isr, [1])
  })
})

test('with the ISR below its minimum nothing is committed, and what waits runs out of time', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders', { configs: { 'min.insync.replicas': '2' } })
    await rig.clock.advance(600)
    rig.node(2).kill()
    rig.node(3).kill()
    const producing = produceTo(rig, 1, 'orders', batchOf(['a']), { timeoutMs: 60_000 })
    await rig.clock.advance(50_000)
    assert.equal(rig.partition('orders').isr, [1])
    assert.is(await soFar(producing), undefined)
    assert.is((await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).highWatermark, 0)
    await rig.clock.advance(11_000)
    assert.is(await producedError(producing), 'REQUEST_TIMED_OUT')
    assert.is(rowAt(rig, 1).commitWaiters.length, 0)
    assert.is(
      await producedError(produceTo(rig, 1, 'orders', batchOf(['b']))),
      'NOT_ENOUGH_REPLICAS',
    )
    await rig.start(2)
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is((await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).highWatermark, 1)
  })
})

test('a retry of what is committed is answered, though later batches are not', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    const first = produceTo(rig, 1, 'orders', idempotent(0))
    const second = produceTo(rig, 1, 'orders', idempotent(1))
    const again = produceTo(rig, 1, 'orders', idempotent(0))
    await rig.clock.advance(10)
    await fetchAs(rig, 1, 2, rig.node(2).broker.host.brokerEpoch(), 1)
    await rig.clock.advance(10)
    assert.ok(await soFar(first))
    assert.is(await soFar(second), undefined)
    assert.ok(await soFar(again), 'its batch is committed')
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    assert.is(await producedError(second), 'NONE')
  })
})

test('a lost answer to an ISR change: the joiner counts until it is known what became of it', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.node(3).kill()
    rig.fence(3, 1)
    rig.apply(change(topicId, 0, { isr: [1, 2] }))
    let lost = 3
    rig.onAlterPartition = async (_, honest) => {
      const answer = honest()
      if (lost-- > 0) return new Promise(() => {})
      return answer
    }
    rig.node(1).holdMetadata()
    await rig.start(3)
    await rig.clock.advance(100)
    rig.node(1).releaseMetadata()
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 2, 3])
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
    rig.node(2).kill()
    assert.is((await produced(rig, 1, batchOf(['b']), 60_000)).error, 'REQUEST_TIMED_OUT')
    assert.equal(rig.partition('orders').isr, [1, 3])
    assert.is((await produced(rig, 1, batchOf(['c']))).error, 'NONE')
  })
})

test('a broker that is registered anew without a restart counts again', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.apply({
      type: 'UnregisterBrokerRecord',
      brokerId: 2,
      brokerEpoch: rig.node(2).broker.host.brokerEpoch(),
    })
    rig.apply(change(topicId, 0, { isr: [1] }))
    await rig.clock.advance(10_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
  })
})

test('last-replica-standing: who lost what only it held does not lead with nothing', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    const directories = [1, 2].map((id) => rig.node(id).store.directories()[0]!.id)
    rig.apply(change(topicId, 0, { directories }))
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
    rig.node(1).kill()
    rig.node(1).replaceDisk()
    rig.apply(change(topicId, 0, { leader: -1 }))
    await rig.start(1)
    rig.network.heal()
    await rig.clock.advance(200)
    rig.apply(change(topicId, 0, { leader: 1 }))
    await rig.clock.advance(2_000)
    const refused = await producedError(produceTo(rig, 1, 'orders', batchOf(['b'])))
    assert.is(refused, 'KAFKA_STORAGE_ERROR')
    assert.equal(rig.partition('orders').isr, [1])
  })
})

test('a follower whose disk was replaced is filled again', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    const directories = [1, 2].map((id) => rig.node(id).store.directories()[0]!.id)
    rig.apply(change(topicId, 0, { directories }))
    await rig.clock.advance(600)
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
    rig.node(2).kill()
    rig.node(2).replaceDisk()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    await rig.start(2)
    await rig.clock.advance(2_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.equal(bytesAt(rig, 1), bytesAt(rig, 2))
  })
})

test.run()
