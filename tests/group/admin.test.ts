/** DescribeGroups, ListGroups, DeleteGroups and OffsetDelete: what administrators ask. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { describeGroups } from '../../actors/apis/15-describe-groups.ts'
import { listGroups } from '../../actors/apis/16-list-groups.ts'
import { deleteGroups } from '../../actors/apis/42-delete-groups.ts'
import { offsetDelete } from '../../actors/apis/47-offset-delete.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { DescribeGroups } from '../../transport/schemas/15-describe-groups.ts'
import { ListGroups } from '../../transport/schemas/16-list-groups.ts'
import { DeleteGroups } from '../../transport/schemas/42-delete-groups.ts'
import { OffsetDelete } from '../../transport/schemas/47-offset-delete.ts'
import { commit, committed, enter, join, leave, settle, subscription } from './members.ts'
import { type Broker, broker as brokerOf, coordinated } from './support.ts'

const describe = async (broker: Broker, groupId: string, version = 6, operations = false) => {
  const request = { groups: [groupId], includeAuthorizedOperations: operations }
  const { groups } = await broker.ask(describeGroups, DescribeGroups, version, request)
  return groups[0]!
}
const list = async (broker: Broker, states: string[] = [], types: string[] = [], version = 5) => {
  const request = { statesFilter: states, typesFilter: types }
  const { groups } = await broker.ask(listGroups, ListGroups, version, request)
  return groups
}
const remove = async (broker: Broker, ...groupsNames: string[]) => {
  const { results } = await broker.ask(deleteGroups, DeleteGroups, 2, { groupsNames })
  return results.map(({ errorCode }) => errorName(errorCode))
}
const forget = async (broker: Broker, topic: string, partitions: number[], groupId = 'g') => {
  const { errorCode, topics } = await broker.ask(offsetDelete, OffsetDelete, 0, {
    groupId,
    topics: [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex })) }],
  })
  const each = topics[0]?.partitions.map((row) => errorName(row.errorCode)) ?? []
  return { error: errorName(errorCode), each }
}

test('a stable group is described with members, metadata and parts', async () => {
  const { broker, clock } = await coordinated()
  const [only] = await settle(broker, () => clock.advance(1), 1)
  for (const version of [0, 3, 4, 6]) {
    const group = await describe(broker, 'g', version)
    assert.is(group.errorCode, 0)
    assert.is(group.groupState, 'Stable')
    assert.is(group.protocolType, 'consumer')
    assert.is(group.protocolData, 'range')
    const [member] = group.members
    assert.is(member!.memberId, only!.memberId)
    assert.is(member!.clientId, 'client')
    assert.is(member!.clientHost, '/127.0.0.1')
    assert.equal(member!.memberMetadata, subscription('orders'))
    assert.is(member!.memberAssignment.toString(), 'part 0')
  }
})

test('while it rebalances a group has members but no protocol', async () => {
  const { broker, clock } = await coordinated()
  await settle(broker, () => clock.advance(1), 1)
  void enter(broker)
  await clock.advance(1)
  const group = await describe(broker, 'g')
  assert.is(group.groupState, 'PreparingRebalance')
  assert.is(group.protocolData, '')
  assert.equal(
    group.members.map(({ memberMetadata }) => memberMetadata.length),
    [0, 0],
  )
  await clock.advance(100_000)
})

test('a group that does not exist is dead; from v6 an error', async () => {
  const { broker } = await coordinated()
  const old = await describe(broker, 'no', 5)
  assert.is(old.errorCode, 0)
  assert.is(old.groupState, 'Dead')
  const now = await describe(broker, 'no', 6)
  assert.is(errorName(now.errorCode), 'GROUP_ID_NOT_FOUND')
  assert.is(now.groupState, 'Dead')
  assert.is(now.errorMessage, 'Group no not found.')
})

test('operations are told when asked for', async () => {
  const { broker } = await coordinated()
  await commit(broker, [{ partition: 0, offset: 1 }])
  assert.is((await describe(broker, 'g', 6, true)).authorizedOperations, 3400)
  assert.is((await describe(broker, 'g', 6)).authorizedOperations, -0x8000_0000)
})

test('groups are listed by state and type, in any case', async () => {
  const { broker, clock } = await coordinated()
  await settle(broker, () => clock.advance(1), 1)
  await commit(broker, [{ partition: 0, offset: 1 }], {}, { groupId: 'simple' })
  const ids = async (...args: [string[], string[]]) =>
    (await list(broker, ...args)).map(({ groupId }) => groupId).sort()
  assert.equal(await ids([], []), ['g', 'simple'])
  assert.equal(await ids(['stable'], []), ['g'])
  assert.equal(await ids(['EMPTY', 'Dead'], ['Classic']), ['simple'])
  assert.equal(await ids([], ['consumer']), [])
  assert.equal(await ids(['whatever'], []), [])
  const [g] = await list(broker, ['Stable'])
  assert.equal(g, {
    groupId: 'g',
    protocolType: 'consumer',
    groupState: 'Stable',
    groupType: 'classic',
  })
  assert.is((await list(broker, [], [], 0)).length, 2)
})

test('an empty group is deleted with its offsets, for good', async () => {
  const { broker, clock, world } = await coordinated()
  const [only] = await settle(broker, () => clock.advance(1), 1)
  await commit(broker, [{ partition: 0, offset: 4 }], only!)
  assert.equal(await remove(broker, 'g', 'no', 'g'), ['NON_EMPTY_GROUP', 'GROUP_ID_NOT_FOUND'])
  await leave(broker, [only!])
  assert.equal(await committed(broker), { 0: 4 })
  assert.equal(await remove(broker, 'g'), ['NONE'])
  assert.equal(await committed(broker), {})
  assert.equal(await list(broker), [])
  world.logs[0]!.moveTo(2)
  const next = brokerOf(world, 2)
  await next.hear()
  assert.equal(await list(next), [])
  assert.equal(await committed(next), {})
})

test('a commit that still waits when its group is deleted does not come back', async () => {
  const { broker, clock, world } = await coordinated()
  const log = world.logs[0]!
  await commit(broker, [{ partition: 0, offset: 4 }])
  log.prompt = false
  const waiting = commit(broker, [{ partition: 1, offset: 5 }])
  await clock.advance(1)
  const deleting = remove(broker, 'g')
  await clock.advance(1)
  log.commit()
  assert.equal(await waiting, ['NONE'])
  assert.equal(await deleting, ['NONE'])
  assert.equal(await committed(broker), {})
  log.moveTo(2)
  const next = brokerOf(world, 2)
  await next.hear()
  assert.equal(await list(next), [])
  log.prompt = true
  await commit(next, [{ partition: 2, offset: 6 }])
  assert.equal(await committed(next), { 2: 6 })
})

test('a group with thousands of offsets is deleted in several batches', async () => {
  const it = await coordinated()
  it.topics.set('orders', { ...it.topics.get('orders')!, partitions: 2_000 })
  const many = Array.from({ length: 2_000 }, (_, partition) => ({ partition, offset: 1 }))
  await commit(it.broker, many)
  assert.equal(await remove(it.broker, 'g'), ['NONE'])
  assert.equal(await committed(it.broker), {})
  assert.is(it.world.logs[0]!.batches.length, 3)
})

test('deleting is refused by a log that takes nothing', async () => {
  const { broker, world } = await coordinated()
  await commit(broker, [{ partition: 0, offset: 4 }])
  world.logs[0]!.refusal = 'NOT_ENOUGH_REPLICAS'
  assert.equal(await remove(broker, 'g'), ['COORDINATOR_NOT_AVAILABLE'])
  assert.equal(await committed(broker), { 0: 4 })
})

test('offsets that members do not read can be deleted', async () => {
  const { broker, clock } = await coordinated()
  const [only] = await settle(broker, () => clock.advance(1), 1)
  await commit(broker, [{ partition: 0, offset: 4 }], only!)
  await commit(broker, [{ partition: 0, offset: 5 }], only!, { topic: 'audit' })
  assert.equal(await forget(broker, 'orders', [0]), {
    error: 'NONE',
    each: ['GROUP_SUBSCRIBED_TO_TOPIC'],
  })
  assert.equal(await forget(broker, 'audit', [0, 1]), { error: 'NONE', each: ['NONE', 'NONE'] })
  assert.equal(await forget(broker, 'nowhere', [0]), {
    error: 'NONE',
    each: ['UNKNOWN_TOPIC_OR_PARTITION'],
  })
  assert.equal(await committed(broker), { 0: 4 })
  assert.equal(await committed(broker, 'g', 'audit'), {})
})

test('what members of another kind read is not known, so nothing is deleted', async () => {
  const { broker, clock } = await coordinated()
  await settle(
    broker,
    () => clock.advance(1),
    1,
    () => ({ protocolType: 'connect' }),
  )
  assert.is((await forget(broker, 'orders', [0])).error, 'NON_EMPTY_GROUP')
  assert.is((await forget(broker, 'orders', [0], 'no')).error, 'GROUP_ID_NOT_FOUND')
  assert.is((await forget(broker, 'orders', [0], '')).error, 'INVALID_GROUP_ID')
})

test('subscriptions that cannot be read protect every topic', async () => {
  const { broker, clock } = await coordinated()
  const [only] = await settle(
    broker,
    () => clock.advance(1),
    1,
    () => ({
      protocols: [{ name: 'range', metadata: Buffer.from([9]) }],
    }),
  )
  await commit(broker, [{ partition: 0, offset: 4 }], only!, { topic: 'audit' })
  assert.equal((await forget(broker, 'audit', [0])).each, ['GROUP_SUBSCRIBED_TO_TOPIC'])
})

test('a group that only promised an id can be deleted; the id is worth nothing then', async () => {
  const { broker } = await coordinated()
  const promised = await join(broker)
  assert.equal(await remove(broker, 'g'), ['NONE'])
  assert.is((await join(broker, { memberId: promised.memberId })).error, 'UNKNOWN_MEMBER_ID')
})

test.run()
