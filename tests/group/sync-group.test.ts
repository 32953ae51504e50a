/** SyncGroup, Heartbeat and LeaveGroup: what members of a generation are told, and when. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { leaveGroup } from '../../actors/apis/13-leave-group.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { LeaveGroup } from '../../transport/schemas/13-leave-group.ts'
import { beat, commit, enter, join, leave, settle, sync } from './members.ts'
import { coordinated } from './support.ts'

async function pair() {
  const it = await coordinated()
  const entering = [enter(it.broker), enter(it.broker)]
  await it.clock.advance(1)
  const joined = await Promise.all(entering)
  const leader = joined.find(({ memberId, leader: id }) => memberId === id)!
  const follower = joined.find((one) => one !== leader)!
  const parts = { [leader.memberId]: 'a', [follower.memberId]: 'b' }
  return { ...it, log: it.world.logs[0]!, leader, follower, parts }
}

test('nobody gets a part before the assignment is committed', async () => {
  const { broker, clock, log, leader, follower, parts } = await pair()
  log.prompt = false
  const answers: string[] = []
  const waits = sync(broker, follower).then(({ part }) => answers.push(part))
  const leads = sync(broker, leader, parts).then(({ part }) => answers.push(part))
  await clock.advance(1)
  assert.equal(answers, [])
  log.commit()
  await Promise.all([waits, leads])
  assert.equal(answers.sort(), ['a', 'b'])
})

test('an assignment that the log refuses makes everybody start over', async () => {
  const { broker, clock, log, leader, follower, parts } = await pair()
  const waits = sync(broker, follower)
  await clock.advance(1)
  log.refusal = 'NOT_ENOUGH_REPLICAS'
  assert.is((await sync(broker, leader, parts)).error, 'COORDINATOR_NOT_AVAILABLE')
  assert.is((await waits).error, 'COORDINATOR_NOT_AVAILABLE')
  assert.is(await beat(broker, leader), 'REBALANCE_IN_PROGRESS')
})

test('an assignment that is not committed in time is an error; a late commit harms nothing', async () => {
  const { broker, clock, log, leader, follower, parts } = await pair()
  log.prompt = false
  const leads = sync(broker, leader, parts)
  await clock.advance(5_000)
  assert.is((await leads).error, 'COORDINATOR_NOT_AVAILABLE')
  log.commit()
  assert.is(await beat(broker, follower), 'REBALANCE_IN_PROGRESS')
  assert.equal(broker.failures, [])
})

test('whom the leader leaves out gets nothing, whom it makes up is ignored', async () => {
  const { broker, leader, follower } = await pair()
  const waits = sync(broker, follower)
  const led = await sync(broker, leader, { [leader.memberId]: 'all', nobody: 'x' })
  assert.is(led.part, 'all')
  assert.is((await waits).part, '')
  assert.is((await waits).error, 'NONE')
  assert.is(led.protocolName, 'range')
  assert.is(led.protocolType, 'consumer')
})

test('in a stable group a part is told again', async () => {
  const { broker, leader, follower, parts } = await pair()
  const waits = sync(broker, follower)
  await sync(broker, leader, parts)
  await waits
  assert.is((await sync(broker, follower)).part, 'b')
})

test('a SyncGroup says who, when and under which protocol', async () => {
  const { broker, leader } = await pair()
  const error = async (
    ...args: Parameters<typeof sync> extends [unknown, ...infer R] ? R : never
  ) => (await sync(broker, ...args)).error
  assert.is(await error({ ...leader, memberId: 'nobody' }), 'UNKNOWN_MEMBER_ID')
  assert.is(await error({ ...leader, generationId: 0 }), 'ILLEGAL_GENERATION')
  assert.is(await error(leader, {}, { protocolName: 'sticky' }), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.is(await error(leader, {}, { protocolType: 'connect' }), 'INCONSISTENT_GROUP_PROTOCOL')
  assert.is(await error(leader, {}, { groupId: 'other' }), 'UNKNOWN_MEMBER_ID')
  assert.is(await error(leader, {}, { groupId: '' }), 'INVALID_GROUP_ID')
})

test('a rebalance ends waiting syncs', async () => {
  const { broker, clock, follower } = await pair()
  const waits = sync(broker, follower)
  await clock.advance(1)
  void enter(broker)
  assert.is((await waits).error, 'REBALANCE_IN_PROGRESS')
  assert.is((await sync(broker, follower)).error, 'REBALANCE_IN_PROGRESS')
  await clock.advance(100_000)
})

test('a member that never syncs is dropped when the rebalance timeout ends', async () => {
  const { broker, clock, leader, follower, parts } = await pair()
  await sync(broker, leader, parts)
  for (let s = 0; s < 12; s++) {
    assert.is(await beat(broker, follower), 'NONE')
    await beat(broker, leader)
    await clock.advance(5_000)
  }
  assert.is(await beat(broker, leader), 'REBALANCE_IN_PROGRESS')
  assert.is(await beat(broker, follower), 'UNKNOWN_MEMBER_ID')
})

test('a silent member is dropped when its session ends, and the others rebalance', async () => {
  const { broker, clock, leader, follower, parts } = await pair()
  const waits = sync(broker, follower)
  await sync(broker, leader, parts)
  await waits
  await clock.advance(6_000)
  assert.is(await beat(broker, leader), 'NONE')
  await clock.advance(4_001)
  assert.is(await beat(broker, follower), 'UNKNOWN_MEMBER_ID')
  assert.is(await beat(broker, leader), 'REBALANCE_IN_PROGRESS')
})

test('a stalled process does not end sessions early: its own timers are as late', async () => {
  const { broker, clock, leader, follower, parts } = await pair()
  const waits = sync(broker, follower)
  await sync(broker, leader, parts)
  await waits
  await clock.advance(9_000)
  assert.is(await beat(broker, leader), 'NONE')
  assert.is(await beat(broker, follower), 'NONE')
  await clock.advance(9_000)
  assert.is(await beat(broker, leader), 'NONE')
})

test('heartbeats say who and when', async () => {
  const { broker, leader } = await pair()
  assert.is(await beat(broker, { ...leader, generationId: 7 }), 'ILLEGAL_GENERATION')
  assert.is(await beat(broker, { ...leader, memberId: 'x' }), 'UNKNOWN_MEMBER_ID')
  assert.is(await beat(broker, leader, 'other'), 'UNKNOWN_MEMBER_ID')
  assert.is(await beat(broker, leader, ''), 'INVALID_GROUP_ID')
})

test('the last member that leaves empties the group; that is stored before it is told', async () => {
  const { broker, clock, world } = await coordinated()
  const [only] = await settle(broker, () => clock.advance(1), 1)
  const log = world.logs[0]!
  log.prompt = false
  let left = false
  const leaving = leave(broker, [only!]).then((answer) => {
    left = true
    return answer
  })
  await clock.advance(1)
  assert.not(left)
  log.commit()
  assert.equal(await leaving, { error: 'NONE', members: ['NONE'] })
  assert.is(await beat(broker, only!), 'UNKNOWN_MEMBER_ID')
})

test('several leave at once; each hears its own error', async () => {
  const { broker, clock } = await coordinated()
  const [a, b] = await settle(broker, () => clock.advance(1), 3)
  const left = await leave(broker, [a!, { memberId: 'nobody' }, b!, { memberId: '' }])
  assert.equal(left, {
    error: 'NONE',
    members: ['NONE', 'UNKNOWN_MEMBER_ID', 'NONE', 'UNKNOWN_MEMBER_ID'],
  })
  assert.equal(await leave(broker, [a!], 'nowhere'), {
    error: 'NONE',
    members: ['UNKNOWN_MEMBER_ID'],
  })
})

test('before v3 the one that leaves hears its error at the top', async () => {
  const { broker, clock } = await coordinated()
  const [only] = await settle(broker, () => clock.advance(1), 1)
  const ask = async (memberId: string) => {
    const request = { groupId: 'g', memberId, members: [] }
    const { errorCode } = await broker.ask(leaveGroup, LeaveGroup, 1, request)
    return errorName(errorCode)
  }
  assert.is(await ask('nobody'), 'UNKNOWN_MEMBER_ID')
  assert.is(await ask(only!.memberId), 'NONE')
})

test('a promised id can be given back', async () => {
  const { broker } = await coordinated()
  const promised = await join(broker)
  assert.equal((await leave(broker, [promised])).members, ['NONE'])
  assert.is((await join(broker, { memberId: promised.memberId })).error, 'UNKNOWN_MEMBER_ID')
})

test('whoever leaves while it waits is answered', async () => {
  const { broker, clock } = await coordinated()
  const [first] = await settle(broker, () => clock.advance(1), 2)
  const waiting = join(broker, { memberId: first!.memberId })
  await clock.advance(1)
  await leave(broker, [first!])
  assert.is((await waiting).error, 'UNKNOWN_MEMBER_ID')
})

test('a member commits offsets in its generation only, and that keeps its session', async () => {
  const { broker, clock, leader, follower, parts } = await pair()
  assert.equal(await commit(broker, [{ partition: 0, offset: 1 }], leader), [
    'REBALANCE_IN_PROGRESS',
  ])
  const waits = sync(broker, follower)
  await sync(broker, leader, parts)
  await waits
  for (let i = 0; i < 4; i++) {
    await clock.advance(6_000)
    await beat(broker, follower)
    assert.equal(await commit(broker, [{ partition: 0, offset: i }], leader), ['NONE'])
  }
  const late = { ...leader, generationId: 0 }
  assert.equal(await commit(broker, [{ partition: 0, offset: 9 }], late), ['ILLEGAL_GENERATION'])
  const other = { ...leader, memberId: 'x' }
  assert.equal(await commit(broker, [{ partition: 0, offset: 9 }], other), ['UNKNOWN_MEMBER_ID'])
  assert.equal(await commit(broker, [{ partition: 0, offset: 9 }]), ['UNKNOWN_MEMBER_ID'])
})

test.run()
