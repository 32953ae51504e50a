/** Who waited is told, and nothing is left behind, when readers, sessions, replicas or nodes go. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { change } from './changes.ts'
import { fetchedPartition, fetchFrom, producedError, produceTo } from './clients.ts'
import { bytesAt, directoriesOf, of, produced, rowAt, soFar } from './orders.ts'
import { batchOf, withBrokers } from './rig.ts'

const test = suite('left behind')

test('nobody waits for minutes, whatever a reader asked for: it may be gone', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    const reading = fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 0x7fff_ffff })
    await rig.clock.advance(290_000)
    assert.is(await soFar(reading), undefined)
    await rig.clock.advance(20_000)
    assert.is((await fetchedPartition(reading)).errorCode, 0)
    assert.is(rowAt(rig, 1).consumerFetches.size, 0)
  })
})

test('a replica that was moved away leaves nothing behind, and comes back empty', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[1, 2]] })
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a']))
    rig.apply(change(topicId, 0, { replicas: [1, 2, 3], directories: directoriesOf([1, 2, 3]) }))
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 2, 3])
    rig.apply(
      change(topicId, 0, {
        replicas: [1, 3],
        directories: directoriesOf([1, 3]),
        isr: [1, 3],
        leader: 1,
      }),
    )
    await rig.clock.advance(100)
    assert.is(rig.node(2).store.get(of), undefined)
    assert.is((await produced(rig, 1, batchOf(['b']))).error, 'NONE')
    rig.apply(
      change(topicId, 0, { replicas: [1, 3, 2], directories: directoriesOf([1, 3, 2]), leader: 1 }),
    )
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 3, 2])
    assert.equal(bytesAt(rig, 2), bytesAt(rig, 1))
    rig.apply(
      change(topicId, 0, {
        replicas: [3, 2],
        directories: directoriesOf([3, 2]),
        isr: [3, 2],
        leader: 3,
      }),
    )
    await rig.clock.advance(100)
    assert.is(rig.node(1).store.get(of), undefined)
    assert.is((await produced(rig, 3, batchOf(['c']))).error, 'NONE')
  })
})

test('sessions that begin anew leave none behind at the leader', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    for (let i = 0; i < 10; i++) {
      rig.network.partition([[1, 100], [2]])
      await rig.clock.advance(4_000)
      rig.network.heal()
      await rig.clock.advance(2_000)
    }
    assert.is(rowAt(rig, 1).replicaFetches.size, 1)
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
  })
})

test('a partition that is deleted under a waiting reader or writer ends their wait', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    const view = rig.node(1).broker.host.replicas.get(of)!
    rig.network.partition([[1, 100], [2]])
    const reading = fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 30_000, minBytes: 1_000 })
    const writing = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(10)
    rig.apply({ type: 'RemoveTopicRecord', topicId })
    await rig.clock.advance(10)
    assert.ok(await soFar(reading))
    assert.is(await producedError(writing), 'NOT_LEADER_OR_FOLLOWER')
    assert.is(view.readCommitted(0, 1_000).length, 0, 'nothing is left to be read')
  })
})

test('a node that is killed says nothing more, not even to who waits', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    await produceTo(rig, 1, 'orders', batchOf(['a']))
    const reading = fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 500, minBytes: 1_000 })
    const { halted } = rig.node(1)
    rig.node(1).kill()
    await rig.clock.advance(1_000)
    await reading
    assert.equal(halted, [])
  })
})

test.run()
