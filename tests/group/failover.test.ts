/** A coordinator comes and goes: it loads before it answers, and gives up everybody who waits. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeGroups } from '../../actors/apis/15-describe-groups.ts'
import { listGroups } from '../../actors/apis/16-list-groups.ts'
import { deleteGroups } from '../../actors/apis/42-delete-groups.ts'
import { errorName, KafkaError } from '../../transport/protocol/errors.ts'
import { encodeBatch } from '../../transport/records/records.ts'
import { DescribeGroups } from '../../transport/schemas/15-describe-groups.ts'
import { ListGroups } from '../../transport/schemas/16-list-groups.ts'
import { DeleteGroups } from '../../transport/schemas/42-delete-groups.ts'
import {
  beat,
  commit,
  committed,
  enter,
  type Joined,
  join,
  leave,
  settle,
  sync,
} from './members.ts'
import { type Broker, broker as brokerOf, coordinated, type World } from './support.ts'

const describe = async (broker: Broker) => {
  const request = { groups: ['g'], includeAuthorizedOperations: false }
  return (await broker.ask(describeGroups, DescribeGroups, 6, request)).groups[0]!
}

/** Broker 2 takes over all of broker 1's log, and both know it. */
async function failover(world: World, from: Broker, settings = {}) {
  for (const log of world.logs) log.moveTo(2)
  const next = brokerOf(world, 2, settings)
  await Promise.all([from.hear(), next.hear()])
  return next
}

const attempt = (act: () => unknown): unknown => {
  try {
    return act()
  } catch (error) {
    return error instanceof KafkaError ? error.code : error
  }
}

test('a stable group goes on with its new coordinator as if nothing was', async () => {
  const { broker, clock, world } = await coordinated()
  const members = await settle(broker, () => clock.advance(1), 3)
  await commit(broker, [{ partition: 0, offset: 4, metadata: 'm' }], members[0]!)
  const before = await describe(broker)
  const next = await failover(world, broker)
  assert.is(await beat(broker, members[0]!), 'NOT_COORDINATOR')
  assert.equal(await describe(next), before)
  for (const one of members) assert.is(await beat(next, one), 'NONE')
  assert.equal(await committed(next), { 0: 4 })
  assert.equal(await commit(next, [{ partition: 0, offset: 5 }], members[1]!), ['NONE'])
  const again = await join(next, { memberId: members[2]!.memberId })
  assert.is(again.error, 'NONE')
  assert.equal(next.failures, [])
})

test('members that do not come back after a failover lose their sessions', async () => {
  const { broker, clock, world } = await coordinated()
  const members = await settle(broker, () => clock.advance(1), 2)
  const next = await failover(world, broker)
  await clock.advance(6_000)
  assert.is(await beat(next, members[0]!), 'NONE')
  await clock.advance(4_001)
  assert.is(await beat(next, members[1]!), 'UNKNOWN_MEMBER_ID')
  assert.is(await beat(next, members[0]!), 'REBALANCE_IN_PROGRESS')
})

test('everybody who waits hears NOT_COORDINATOR, and no timer is left', async () => {
  const { broker, clock, world } = await coordinated({ 'group.initial.rebalance.delay.ms': 3_000 })
  const idle = clock.pendingTimers()
  const log = world.logs[0]!
  const entering = [enter(broker), enter(broker)]
  await clock.advance(6_000)
  const [a, b] = await Promise.all(entering)
  const follower = a!.leader === a!.memberId ? b! : a!
  const syncing = sync(broker, follower)
  const joining = enter(broker, { groupId: 'other', groupInstanceId: 'x' })
  const promised = await join(broker, { groupId: 'third' })
  assert.is(promised.error, 'MEMBER_ID_REQUIRED')
  log.prompt = false
  const committing = commit(broker, [{ partition: 0, offset: 1 }], {}, { groupId: 'fourth' })
  await clock.advance(0)
  log.moveTo(2)
  await broker.hear()
  assert.is((await syncing).error, 'NOT_COORDINATOR')
  assert.is((await joining).error, 'NOT_COORDINATOR')
  assert.equal(await committing, ['NOT_COORDINATOR'])
  assert.is(clock.pendingTimers(), idle)
  assert.equal(broker.failures, [])
})

test('stopping is giving up everything', async () => {
  const { broker, clock } = await coordinated({ 'group.initial.rebalance.delay.ms': 3_000 })
  await settle(broker, () => clock.advance(6_000), 2)
  const joining = enter(broker, { groupId: 'other' })
  await clock.advance(0)
  broker.groups.stop()
  assert.is((await joining).error, 'NOT_COORDINATOR')
  assert.is((await join(broker)).error, 'COORDINATOR_NOT_AVAILABLE')
  assert.is(clock.pendingTimers(), 0)
})

test('offsets-while-loading: an error until all is replayed, never a made-up offset', async () => {
  const { broker, clock, world } = await coordinated()
  const log = world.logs[0]!
  const count = 100_000
  world.topics.set('orders', { ...world.topics.get('orders')!, partitions: 1_000 })
  const rows = Array.from({ length: 1_000 }, (_, partition) => ({ partition, offset: partition }))
  for (let written = 0; written < count; written += rows.length) {
    await commit(broker, rows, {}, { groupId: `g${written}` })
  }
  log.moveTo(2)
  const next = brokerOf(world, 2)
  next.groups.onMetadata(next.host.image(), {
    fromSnapshot: true,
    changedPartitions: new Map(),
    deletedTopics: new Map(),
    changedBrokers: new Set(),
    changedConfigs: [],
    featuresChanged: false,
  })
  const heard: unknown[] = []
  const poll = () => {
    heard.push(attempt(() => next.groups.fetchOffsets('g0', null).length))
    if (typeof heard.at(-1) !== 'number') clock.setTimeout(poll, 0)
  }
  poll()
  await clock.advance(1)
  assert.is(heard.pop(), 1_000)
  assert.equal(new Set(heard), new Set(['COORDINATOR_LOAD_IN_PROGRESS']))
  assert.ok(heard.length > 10, `the loop turned ${heard.length} times meanwhile`)
  const answer = await committed(next, 'g0')
  assert.equal(answer, Object.fromEntries(rows.map(({ partition, offset }) => [partition, offset])))
  assert.is(Object.keys(await committed(next, `g${count - 1_000}`)).length, 1_000)
})

test('while it loads, every request hears so', async () => {
  const { broker, world } = await coordinated()
  const log = world.logs[0]!
  log.prompt = false
  void commit(broker, [{ partition: 0, offset: 1 }])
  await world.clock.advance(1)
  log.moveTo(2)
  const next = brokerOf(world, 2)
  await next.hear()
  assert.is((await join(next)).error, 'COORDINATOR_LOAD_IN_PROGRESS')
  assert.is(errorName((await describe(next)).errorCode), 'COORDINATOR_LOAD_IN_PROGRESS')
  const everything = { statesFilter: [], typesFilter: [] }
  const listed = await next.ask(listGroups, ListGroups, 5, everything)
  assert.is(errorName(listed.errorCode), 'COORDINATOR_LOAD_IN_PROGRESS')
  assert.is(await committed(next), 'COORDINATOR_LOAD_IN_PROGRESS')
  log.commit()
  await world.clock.advance(1)
  assert.equal(
    await committed(next),
    { 0: 1 },
    'what the old leader could not commit the new one did',
  )
})

test('zombie-group-coordinator: what it takes is never acknowledged, and never counts', async () => {
  const { broker, clock, world } = await coordinated()
  const log = world.logs[0]!
  await commit(broker, [{ partition: 0, offset: 1 }])
  log.prompt = false // its followers fetch elsewhere by now
  const refused = commit(broker, [{ partition: 0, offset: 99 }])
  await clock.advance(5_000)
  assert.equal(await refused, ['COORDINATOR_NOT_AVAILABLE'])
  assert.equal(await committed(broker), { 0: 1 })
  log.moveTo(2, 'committed')
  log.prompt = true
  const next = brokerOf(world, 2)
  await next.hear()
  assert.equal(await committed(next), { 0: 1 })
  assert.equal(await commit(broker, [{ partition: 0, offset: 99 }]), ['NOT_COORDINATOR'])
  await broker.hear()
  assert.is(await committed(broker), 'NOT_COORDINATOR')
})

test('chained-groups-storm: no live member is unknown after a restart, what is deleted stays so', async () => {
  const { broker, clock, world } = await coordinated({}, 3)
  const groupIds = ['orders-1', 'orders-2', 'orders-3']
  const advance = () => clock.advance(1)
  const living = new Map<string, Joined[]>()
  for (const groupId of groupIds) {
    living.set(groupId, await settle(broker, advance, 4, () => ({ groupId })))
  }
  for (let round = 0; round < 6; round++) {
    for (const groupId of groupIds) {
      const [gone, ...stay] = living.get(groupId)!
      const entering = enter(broker, { groupId })
      const leaving = leave(broker, [gone!], groupId)
      await advance()
      const rejoining = stay.map(({ memberId }) => join(broker, { groupId, memberId }))
      const members = await Promise.all([...rejoining, entering])
      assert.equal((await leaving).members, ['NONE'])
      await Promise.all(members.map((one) => sync(broker, one, {}, { groupId })))
      living.set(groupId, members)
      const [first] = members
      await commit(broker, [{ partition: 0, offset: round }], first!, { groupId })
    }
  }
  const [deleted, ...kept] = groupIds
  await leave(broker, living.get(deleted!)!, deleted)
  const request = { groupsNames: [deleted!] }
  const { results } = await broker.ask(deleteGroups, DeleteGroups, 2, request)
  assert.is(results[0]!.errorCode, 0)
  const next = await failover(world, broker)
  for (const groupId of kept) {
    for (const one of living.get(groupId)!) assert.is(await beat(next, one, groupId), 'NONE')
    assert.equal(await committed(next, groupId), { 0: 5 })
  }
  assert.equal(await committed(next, deleted), {})
  assert.equal(
    next.groups
      .listGroups([], [])
      .map(({ groupId }) => groupId)
      .sort(),
    kept,
  )
})

test('leadership that goes and comes back loads anew', async () => {
  const { broker, world } = await coordinated()
  await commit(broker, [{ partition: 0, offset: 1 }])
  const next = await failover(world, broker)
  await commit(next, [{ partition: 0, offset: 2 }])
  world.logs[0]!.moveTo(1)
  await broker.hear()
  assert.equal(await committed(broker), { 0: 2 })
})

test('a leader that stays over a new epoch keeps its groups', async () => {
  const { broker, clock, world } = await coordinated()
  const members = await settle(broker, () => clock.advance(1), 2)
  world.logs[0]!.leaderEpoch++
  await broker.hear()
  assert.is(await beat(broker, members[0]!), 'NONE')
})

test('a log that cannot be read fails its partition alone', async () => {
  const { broker, world } = await coordinated({}, 2)
  const groupIds = ['a', 'b', 'c', 'd']
  for (const groupId of groupIds)
    await commit(broker, [{ partition: 0, offset: 1 }], {}, { groupId })
  const unheardOf = {
    key: Buffer.from([0, 2, 0, 1, 0x61]),
    value: Buffer.from([0, 99]),
    timestamp: 0,
  }
  world.logs[0]!.append(encodeBatch({ baseOffset: 0, leaderEpoch: 0, records: [unheardOf] }))
  const next = await failover(world, broker)
  for (const groupId of groupIds) {
    const isBroken = next.groups.partitionFor(groupId) === 0
    assert.equal(await committed(next, groupId), isBroken ? 'NOT_COORDINATOR' : { 0: 1 })
  }
  assert.equal(next.failures, [])
})

test('a group loaded with more members than it may have starts over, and takes as many', async () => {
  const { broker, clock, world } = await coordinated()
  const members = await settle(broker, () => clock.advance(1), 3)
  const next = await failover(world, broker, { 'group.max.size': 2 })
  assert.is(await beat(next, members[0]!), 'REBALANCE_IN_PROGRESS')
  const rejoining = members.map(({ memberId }) => join(next, { memberId }))
  await clock.advance(60_000)
  const errors = (await Promise.all(rejoining)).map(({ error }) => error)
  assert.equal(errors.sort(), ['GROUP_MAX_SIZE_REACHED', 'NONE', 'NONE'])
})

test('when the offsets topic is deleted nothing of it is coordinated', async () => {
  const { broker, world, topics } = await coordinated()
  await commit(broker, [{ partition: 0, offset: 1 }])
  const [name, topic] = [...topics][0]!
  topics.delete(name)
  await broker.hear({ deletedTopics: new Map([[topic.id, { name, partitions: 1 }]]) })
  assert.is(await committed(broker), 'NOT_COORDINATOR')
  assert.is(world.logs[0]!.end, 1)
})

test.run()
