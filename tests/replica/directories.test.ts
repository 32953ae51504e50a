/** Logs that a start finds damaged, or twice: what counts, what is fetched again, what is put aside (S2, S11). */
import { readdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { change, directoryOf } from './changes.ts'
import { fetchedPartition, fetchFrom, producedError, produceTo } from './clients.ts'
import { batchOf, type Rig, withBrokers } from './rig.ts'

const test = suite('directories')
const of = { topic: 'orders', partition: 0 }

const endOf = (rig: Rig, id: number) => rig.node(id).store.get(of)?.endOffset()

async function fill(rig: Rig, leader: number, batches: number): Promise<void> {
  for (let i = 0; i < batches; i++) {
    const produced = produceTo(rig, leader, 'orders', batchOf([`${leader} ${i}`]))
    await rig.clock.advance(50)
    assert.is(await producedError(produced), 'NONE')
  }
}

/** On disk for certain, as its checkpoint says, and then it is not. */
async function spoil(rig: Rig, id: number): Promise<void> {
  const { store, folder } = rig.node(id)
  await store.get(of)!.flush()
  await store.checkpointRecoveryPoints()
  rig.node(id).kill()
  truncateSync(join(folder, 'orders-0', `${'0'.repeat(20)}.log`), 100)
}

test('S2: a damaged replica that others stand in for follows, and counts once it has caught up', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    await fill(rig, 1, 4)
    await spoil(rig, 2)
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    rig.node(1).holdMetadata()
    const { store } = await rig.start(2)
    assert.equal([endOf(rig, 2), store.get(of)!.isSuspect()], [1, true])
    rig.node(1).releaseMetadata()
    await rig.clock.advance(2_000)
    assert.is(endOf(rig, 2), 4)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is(store.get(of)!.isSuspect(), false)
    assert.equal(rig.assignments, [])
  })
})

test('S2: the last in-sync replica, damaged, serves nothing and says so before it may lead', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    await fill(rig, 1, 4)
    rig.apply(change(topicId, 0, { isr: [1], leader: 1 }))
    await spoil(rig, 1)
    rig.fence(1, 1)
    for (const left of ['by kill', 'cleanly']) {
      rig.assignments.length = 0
      await rig.start(1)
      await rig.clock.advance(500)
      assert.is(rig.partition('orders').directories[0], 'AAAAAAAAAAAAAAAAAAAAAg')
      assert.is(rig.node(1).image().brokers().get(1)?.fenced, false)
      const { errorCode, records } = await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))
      assert.ok(errorCode !== 0 && (records?.length ?? 0) === 0)
      assert.equal(rig.assignments, left === 'by kill' ? ['1: orders-0 lost'] : [])
      if (left === 'by kill') rig.node(1).kill()
      else {
        const stopped = rig.node(1).broker.shutdown(1_000)
        await rig.clock.advance(2_000)
        await stopped
        rig.node(1).kill()
      }
      rig.fence(1, 1)
    }
    // Somebody decided that the other one leads, with what it has.
    rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
    await rig.start(1)
    await rig.clock.advance(2_000)
    assert.is(endOf(rig, 1), 4)
    assert.equal(rig.partition('orders').isr, [2, 1])
    assert.is(rig.partition('orders').directories[0], directoryOf('directory-1'))
  })
})

test('the only replica goes on with what is left: nobody could give it more', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    await fill(rig, 1, 4)
    await spoil(rig, 1)
    await rig.start(1)
    await rig.clock.advance(500)
    assert.equal(rig.assignments, [])
    assert.is((await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).highWatermark, 1)
  })
})

test('a replica whose directory is away is made in another one, and the controller knows', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    await fill(rig, 1, 4)
    rig.node(2).kill()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    await rig.start(2, {}, 'spare')
    await rig.clock.advance(2_000)
    assert.equal(rig.assignments, ['2: orders-0 spare-2'])
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is(rig.node(2).store.get(of)!.directoryId, directoryOf('spare-2'))
  })
})

test('S11: a directory that comes back brings no second copy into use', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    await fill(rig, 1, 2)
    rig.node(2).kill()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    await rig.start(2, {}, 'spare')
    await rig.clock.advance(2_000)
    await fill(rig, 1, 2)
    rig.node(2).kill()
    rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
    await rig.start(2, {}, 'both')
    await rig.clock.advance(500)
    assert.is(rig.node(2).store.get(of)!.directoryId, directoryOf('spare-2'))
    assert.equal([endOf(rig, 2), rig.assignments.length], [4, 1])
    const { folder } = rig.node(2)
    const left = readdirSync(folder).filter((name) => name.startsWith('orders'))
    assert.is(left.length, 1)
    assert.match(left[0]!, /^orders-0\.[0-9a-f]{32}-stray$/)
    rig.node(2).kill()
    await rig.start(2, {}, 'both')
    await rig.clock.advance(500)
    assert.is(endOf(rig, 2), 4)
  })
})

test('of two copies that the metadata names neither of, the one that has most stays', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(50)
    await fill(rig, 1, 3)
    rig.node(2).kill()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    rig.node(1).kill()
    await rig.start(2, {}, 'spare')
    await rig.clock.advance(5)
    rig.node(2).kill()
    rig.apply(change(topicId, 0, { directories: ['directory-1', 'gone'].map(directoryOf) }))
    await rig.start(2, {}, 'both')
    await rig.clock.advance(100)
    assert.is(rig.node(2).store.get(of)!.directoryId, directoryOf('directory-2'))
    await rig.start(1)
    await rig.clock.advance(2_000)
    assert.is(rig.partition('orders').directories[1], directoryOf('directory-2'))
    assert.equal(rig.partition('orders').isr, [1, 2])
  })
})

test.run()
