/** JoinGroup: who comes in, who is refused, and when a rebalance begins and ends. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { beat, enter, join, leave, settle, subscription, sync } from './members.ts'
import { coordinated } from './support.ts'

test('a dynamic member is given its id first, and leads the generation it enters alone', async () => {
  const { broker, clock } = await coordinated()
  const first = await join(broker)
  assert.is(first.error, 'MEMBER_ID_REQUIRED')
  assert.match(
    first.memberId,
    /^client-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
  )
  const joining = join(broker, { memberId: first.memberId })
  await clock.advance(1)
  const joined = await joining
  assert.is(joined.error, 'NONE')
  assert.is(joined.generationId, 1)
  assert.is(joined.leader, first.memberId)
  assert.is(joined.protocolName, 'range')
  assert.is(joined.protocolType, 'consumer')
  assert.equal(
    joined.members.map(({ memberId, metadata }) => [memberId, metadata]),
    [[first.memberId, subscription('orders')]],
  )
})

test('before v4 a member joins without an id, before v1 without a rebalance timeout', async () => {
  for (const version of [0, 3]) {
    const { broker, clock } = await coordinated()
    const joining = join(broker, { rebalanceTimeoutMs: -1 }, version)
    await clock.advance(1)
    const joined = await joining
    assert.is(joined.error, 'NONE')
    assert.is(joined.members.length, 1)
  }
})

test('the first rebalance waits for the rest of the fleet', async () => {
  const { broker, clock } = await coordinated({ 'group.initial.rebalance.delay.ms': 3_000 })
  const a = enter(broker)
  await clock.advance(2_000)
  const b = enter(broker)
  await clock.advance(3_000)
  let settled = false
  void a.then(() => {
    settled = true
  })
  await clock.advance(0)
  assert.not(settled, 'somebody came, so it waits again')
  await clock.advance(1_000)
  const [first, second] = await Promise.all([a, b])
  assert.is(first.generationId, 1)
  assert.is(second.generationId, 1)
  assert.is(first.leader, second.leader)
  assert.is(first.members.length + second.members.length, 2)
})

test('only the leader hears who the members are', async () => {
  const { broker, clock } = await coordinated()
  const joined = await settle(broker, () => clock.advance(1), 3)
  for (const { leader, memberId, members } of joined) {
    assert.is(members.length, leader === memberId ? 3 : 0)
  }
})

test('the protocol that all support and most prefer is selected', async () => {
  const { broker, clock } = await coordinated()
  const offers = [
    ['sticky', 'range', 'lonely'],
    ['range', 'sticky'],
    ['range', 'sticky'],
  ]
  const joined = await settle(
    broker,
    () => clock.advance(1),
    3,
    (i) => ({
      protocols: offers[i]!.map((name) => ({ name, metadata: Buffer.from(name) })),
    }),
  )
  assert.equal(
    joined.map(({ protocolName }) => protocolName),
    ['range', 'range', 'range'],
  )
})

test('whoever shares no protocol is refused', async () => {
  const { broker, clock } = await coordinated()
  await settle(broker, () => clock.advance(1), 1)
  const other = { protocols: [{ name: 'other', metadata: Buffer.alloc(0) }] }
  assert.is((await join(broker, other)).error, 'INCONSISTENT_GROUP_PROTOCOL')
  assert.is((await join(broker, { protocolType: 'connect' })).error, 'INCONSISTENT_GROUP_PROTOCOL')
  const none = { groupId: 'new', protocols: [] }
  assert.is((await join(broker, none)).error, 'INCONSISTENT_GROUP_PROTOCOL')
  assert.is(
    (await join(broker, { groupId: 'new', protocolType: '' })).error,
    'INCONSISTENT_GROUP_PROTOCOL',
  )
})

test('names, sessions and member ids are checked', async () => {
  const { broker } = await coordinated()
  assert.is((await join(broker, { groupId: '' })).error, 'INVALID_GROUP_ID')
  assert.is((await join(broker, { sessionTimeoutMs: 5_999 })).error, 'INVALID_SESSION_TIMEOUT')
  assert.is((await join(broker, { sessionTimeoutMs: 1_800_001 })).error, 'INVALID_SESSION_TIMEOUT')
  const stranger = await join(broker, { memberId: 'made-up' })
  assert.is(stranger.error, 'UNKNOWN_MEMBER_ID')
  assert.is(stranger.memberId, 'made-up')
})

test('a rebalance gathers the members that there are and the new one', async () => {
  const { broker, clock } = await coordinated()
  const [first] = await settle(broker, () => clock.advance(1), 1)
  const entering = enter(broker)
  await clock.advance(1)
  assert.is(await beat(broker, first!), 'REBALANCE_IN_PROGRESS')
  const again = await join(broker, { memberId: first!.memberId })
  const second = await entering
  assert.is(again.generationId, 2)
  assert.is(second.generationId, 2)
  assert.is(again.leader, first!.memberId)
  assert.is(again.members.length, 2)
})

test('a member that does not rejoin in time is left behind', async () => {
  const { broker, clock } = await coordinated()
  const [first] = await settle(broker, () => clock.advance(1), 1)
  const patience = { rebalanceTimeoutMs: 8_000 }
  const entering = enter(broker, patience)
  for (let s = 0; s < 12; s++) {
    await clock.advance(5_000) // it lives, it only does not rejoin
    await beat(broker, first!)
  }
  await clock.advance(1)
  const second = await entering
  assert.is(second.generationId, 2)
  assert.is(second.leader, second.memberId)
  assert.is(await beat(broker, first!), 'UNKNOWN_MEMBER_ID')
})

test('a follower that asks again hears the same; a leader starts a rebalance', async () => {
  const { broker, clock } = await coordinated()
  const joined = await settle(broker, () => clock.advance(1), 2)
  const leader = joined.find(({ memberId, leader: id }) => memberId === id)!
  const follower = joined.find((one) => one !== leader)!
  const same = await join(broker, { memberId: follower.memberId })
  assert.is(same.generationId, 1)
  assert.is(same.leader, leader.memberId)
  assert.is(await beat(broker, follower), 'NONE')
  const rejoining = join(broker, { memberId: leader.memberId })
  await clock.advance(1)
  assert.is(await beat(broker, follower), 'REBALANCE_IN_PROGRESS')
  await join(broker, { memberId: follower.memberId })
  assert.is((await rejoining).generationId, 2)
})

test('a group takes no more members than it may', async () => {
  const { broker, clock } = await coordinated({ 'group.max.size': 2 })
  await settle(broker, () => clock.advance(1), 2)
  const third = await join(broker)
  assert.is(third.error, 'GROUP_MAX_SIZE_REACHED')
  assert.is(third.memberId, '')
})

test('a promised id that nobody uses is forgotten after its session, and not waited for', async () => {
  const { broker, clock } = await coordinated()
  const [first] = await settle(broker, () => clock.advance(1), 1)
  const promised = await join(broker)
  const rejoining = join(broker, { memberId: first!.memberId })
  await clock.advance(9_999)
  let answered = false
  void rejoining.then(() => {
    answered = true
  })
  await clock.advance(0)
  assert.not(answered, 'whoever has the id may still come')
  await clock.advance(1)
  assert.is((await rejoining).generationId, 2)
  assert.is((await join(broker, { memberId: promised.memberId })).error, 'UNKNOWN_MEMBER_ID')
})

test('a member that joins and is never answered is dropped after five minutes', async () => {
  const { broker, clock } = await coordinated({ 'group.initial.rebalance.delay.ms': 400_000 })
  const joining = enter(broker, { rebalanceTimeoutMs: 1_000_000 })
  await clock.advance(300_000)
  const answer = await joining
  assert.is(answer.error, 'UNKNOWN_MEMBER_ID')
  assert.is(answer.memberId, '')
})

test('when the older request of a member is superseded it is answered, too', async () => {
  const { broker, clock } = await coordinated()
  const [first] = await settle(broker, () => clock.advance(1), 2)
  const lost = join(broker, { memberId: first!.memberId })
  await clock.advance(1)
  const again = join(broker, { memberId: first!.memberId })
  assert.is((await lost).error, 'REBALANCE_IN_PROGRESS')
  await clock.advance(60_000)
  assert.is((await again).generationId, 2)
})

test('the group is in the log from its first member on; without a log nobody joins', async () => {
  const { broker, world } = await coordinated()
  const [log] = world.logs
  log!.refusal = 'NOT_ENOUGH_REPLICAS'
  assert.is((await join(broker)).error, 'COORDINATOR_NOT_AVAILABLE')
  log!.refusal = 'KAFKA_STORAGE_ERROR'
  assert.is((await join(broker)).error, 'NOT_COORDINATOR')
  log!.refusal = null
  assert.is((await join(broker)).error, 'MEMBER_ID_REQUIRED')
  assert.is(log!.end, 1)
})

test('of many that join and leave at once none is forgotten', async () => {
  const { broker, clock } = await coordinated()
  let alive = await settle(broker, () => clock.advance(1), 20)
  for (let round = 0; round < 5; round++) {
    const leaving = alive.splice(0, 7)
    const entering = Array.from({ length: 9 }, () => enter(broker))
    const left = leave(broker, leaving)
    await clock.advance(1)
    const rejoined = alive.map(({ memberId }) => join(broker, { memberId }))
    await clock.advance(1)
    assert.equal(new Set((await left).members), new Set(['NONE']))
    const members = await Promise.all([...entering, ...rejoined])
    const [leader] = members.filter((one) => one.members.length > 0)
    assert.is(new Set(members.map(({ generationId }) => generationId)).size, 1)
    assert.is(leader!.members.length, members.length)
    const parts = Object.fromEntries(members.map(({ memberId }) => [memberId, memberId]))
    const synced = await Promise.all(
      members.map((one) => sync(broker, one, one === leader ? parts : {})),
    )
    assert.equal(
      synced.map(({ part }) => part),
      members.map(({ memberId }) => memberId),
    )
    alive = members
  }
  assert.equal(broker.failures, [])
})

test.run()
