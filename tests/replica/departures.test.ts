/** What is parked for a client goes when its connection does: no timer, watcher or waiter outlives it (W5). */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createDeparture } from '../../actors/connection/departure.ts'
import { fetchedPartition, fetchFrom, producedError, produceTo } from './clients.ts'
import { batchOf, type Rig, withBrokers } from './rig.ts'

const test = suite('departures')

const rowOf = (rig: Rig) =>
  rig.node(1).broker.host.replicas.findByName({ topic: 'orders', partition: 0 })!

/** Replica 3 is away, and still in the ISR. */
async function standing(rig: Rig): Promise<void> {
  rig.createTopic('orders')
  await rig.clock.advance(50)
  rig.node(3).kill()
  await rig.clock.advance(50)
}

test('a Produce that waits for replicas leaves no waiter and no timer; what it wrote stays', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    await standing(rig)
    const timers = rig.clock.pendingTimers()
    const departure = createDeparture()
    for (let i = 0; i < 50; i++) {
      const options = { timeoutMs: 2_000_000, asker: { departure } }
      produceTo(rig, 1, 'orders', batchOf([`${i}`]), options).catch(() => {})
    }
    const staying = produceTo(rig, 1, 'orders', batchOf(['last']), { timeoutMs: 1_000 })
    assert.is(rowOf(rig).commitWaiters.length, 51)
    assert.ok(rig.clock.pendingTimers() > timers + 40)
    departure.over()
    assert.is(rowOf(rig).commitWaiters.length, 1)
    assert.ok(rig.clock.pendingTimers() <= timers + 1)
    await rig.clock.advance(1_000)
    assert.is(await producedError(staying), 'REQUEST_TIMED_OUT')
    assert.is(rowOf(rig).log!.endOffset(), 51)
  })
})

test('a Fetch that waits for records, with a session or without, watches nothing any more', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const timers = rig.clock.pendingTimers()
    const departure = createDeparture()
    for (const sessionEpoch of [-1, 0]) {
      const options = { maxWaitMs: 300_000, sessionEpoch, asker: { departure } }
      fetchFrom(rig, 1, 'orders', 0, options).catch(() => {})
    }
    assert.is(rig.clock.pendingTimers(), timers + 2)
    assert.is(rowOf(rig).consumerFetches.size, 2)
    departure.over()
    assert.is(rig.clock.pendingTimers(), timers)
    assert.is(rowOf(rig).consumerFetches.size, 1, 'a session may be gone on with')
    assert.is([...rowOf(rig).consumerFetches][0]!.session.parked, undefined)
  })
})

test('who asks on a connection that is over already does not wait', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    await standing(rig)
    const departure = createDeparture()
    departure.over()
    const timers = rig.clock.pendingTimers()
    produceTo(rig, 1, 'orders', batchOf(['a']), { asker: { departure } }).catch(() => {})
    fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 300_000, asker: { departure } }).catch(() => {})
    assert.is(rowOf(rig).commitWaiters.length, 0)
    assert.ok(rig.clock.pendingTimers() <= timers)
  })
})

test('a Fetch carries no more than there is room for, and one batch in any case', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    for (const value of ['first', 'second', 'third']) {
      await produceTo(rig, 1, 'orders', batchOf([value]))
    }
    const sizeAt = async (left: number) => {
      const asker = { bytesLeft: () => left }
      const { records } = await fetchedPartition(fetchFrom(rig, 1, 'orders', 0, { asker }))
      return records!.length
    }
    const [all, one, two] = [await sizeAt(1e9), await sizeAt(0), await sizeAt(170)]
    assert.ok(one > 0 && two > one && all > two, `${[one, two, all]}`)
  })
})

test.run()
