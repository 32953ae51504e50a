/** Offsets expire when nobody has used them for their retention, and never before (G6). */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { beat, commit, committed, leave, settle, subscription } from './members.ts'
import { broker as brokerOf, coordinated } from './support.ts'

const minute = 60_000
const settings = { 'offsets.retention.minutes': 10, 'offsets.retention.check.interval.ms': minute }

test('offsets of a consumer without a group expire after their last commit', async () => {
  const { broker, clock } = await coordinated(settings)
  await commit(broker, [{ partition: 0, offset: 1 }])
  await clock.advance(5 * minute)
  await commit(broker, [{ partition: 1, offset: 2 }])
  await clock.advance(4 * minute)
  assert.equal(await committed(broker), { 0: 1, 1: 2 })
  await clock.advance(2 * minute)
  assert.equal(await committed(broker), { 1: 2 })
  await clock.advance(5 * minute)
  assert.equal(await committed(broker), {})
  assert.equal(broker.groups.listGroups([], []), [])
})

test('while members read a topic its offsets stay; of other topics they go', async () => {
  const { broker, clock } = await coordinated(settings)
  const [only] = await settle(broker, () => clock.advance(1), 1)
  await commit(broker, [{ partition: 0, offset: 1 }], only!)
  await commit(broker, [{ partition: 0, offset: 2 }], only!, { topic: 'audit' })
  for (let s = 0; s < 12 * 12; s++) {
    await clock.advance(5_000)
    assert.is(await beat(broker, only!), 'NONE')
  }
  assert.equal(await committed(broker), { 0: 1 })
  assert.equal(await committed(broker, 'g', 'audit'), {})
})

test('where it is not known what members read, everything stays', async () => {
  const { broker, clock } = await coordinated(settings)
  const members = await settle(
    broker,
    () => clock.advance(1),
    1,
    () => ({
      protocolType: 'connect',
      sessionTimeoutMs: 1_800_000,
    }),
  )
  await commit(broker, [{ partition: 0, offset: 1 }], members[0]!)
  await clock.advance(25 * minute)
  assert.equal(await committed(broker), { 0: 1 })
})

test('in a group that became empty time counts from then', async () => {
  const { broker, clock, world } = await coordinated(settings)
  const [only] = await settle(
    broker,
    () => clock.advance(1),
    1,
    () => ({
      sessionTimeoutMs: 1_800_000,
      protocols: [{ name: 'range', metadata: subscription('orders') }],
    }),
  )
  await commit(broker, [{ partition: 0, offset: 1 }], only!)
  await clock.advance(15 * minute)
  await leave(broker, [only!])
  await clock.advance(9 * minute)
  assert.equal(await committed(broker), { 0: 1 })
  await clock.advance(2 * minute)
  assert.equal(await committed(broker), {})
  world.logs[0]!.moveTo(2)
  const next = brokerOf(world, 2, settings)
  await next.hear()
  assert.equal(next.groups.listGroups([], []), [], 'it stays deleted after replay')
})

test('a commit up to v4 may ask for a retention of its own', async () => {
  const { broker, clock, world } = await coordinated(settings)
  const own = { version: 4, retentionTimeMs: 2 * minute }
  await commit(broker, [{ partition: 0, offset: 1 }], {}, own)
  await commit(broker, [{ partition: 1, offset: 1 }], {}, { version: 4 })
  const versions = [...world.logs[0]!.entries()].map(({ value }) => value!.readInt16BE(0))
  assert.equal(versions, [1, 4])
  await clock.advance(3 * minute)
  assert.equal(await committed(broker), { 1: 1 })
})

test('what could not be removed is tried again', async () => {
  const { broker, clock, world } = await coordinated(settings)
  await commit(broker, [{ partition: 0, offset: 1 }])
  world.logs[0]!.refusal = 'NOT_ENOUGH_REPLICAS'
  await clock.advance(12 * minute)
  assert.equal(await committed(broker), { 0: 1 })
  world.logs[0]!.refusal = null
  await clock.advance(minute)
  assert.equal(await committed(broker), {})
  assert.equal(broker.failures, [])
})

test('hundreds of groups expire in slices between which the loop turns', async () => {
  const { broker, clock } = await coordinated(settings)
  for (let i = 0; i < 1_000; i++) {
    await commit(broker, [{ partition: 0, offset: 1 }], {}, { groupId: `g${i}` })
  }
  await clock.advance(12 * minute)
  assert.equal(broker.groups.listGroups([], []), [])
})

test.run()
