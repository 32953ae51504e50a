/** Static members (KIP-345): a restart is not a rebalance, and two processes are not one member. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { beat, commit, join, leave, settle, sync } from './members.ts'
import { type Broker, coordinated } from './support.ts'

const named = (i: number) => ({ groupInstanceId: `host-${i}` })

async function stable() {
  const it = await coordinated()
  const members = await settle(it.broker, () => it.clock.advance(1), 2, named)
  const parts = await Promise.all(
    members.map((one, i) => sync(it.broker, { ...one, ...named(i) }).then(({ part }) => part)),
  )
  return { ...it, log: it.world.logs[0]!, members, parts }
}

const returning = (broker: Broker, i: number, version = 9, over = {}) =>
  join(broker, { ...named(i), ...over }, version)

test('a member that restarts keeps its part, without a rebalance', async () => {
  const { broker, members, parts } = await stable()
  const back = await returning(broker, 1)
  assert.is(back.error, 'NONE')
  assert.is(back.generationId, 1)
  assert.is.not(back.memberId, members[1]!.memberId)
  assert.match(back.memberId, /^host-1-/)
  assert.is((await sync(broker, { ...back, ...named(1) })).part, parts[1])
  assert.is(await beat(broker, members[0]!), 'NONE')
})

test('a leader that restarts is told to assign nothing; before v9 that another leads', async () => {
  const { broker, members } = await stable()
  const lead = members.findIndex(({ memberId, leader }) => memberId === leader)
  const back = await returning(broker, lead)
  assert.is(back.leader, back.memberId)
  assert.ok(back.skipAssignment)
  assert.is(back.members.length, 2)
  const older = await returning(broker, lead, 8)
  assert.is(older.leader, back.memberId)
  assert.is(older.members.length, 0)
  assert.is.not(older.memberId, back.memberId)
})

test('the process that was replaced is fenced, whatever it asks', async () => {
  const { broker, members } = await stable()
  await returning(broker, 1)
  const old = { ...members[1]!, ...named(1) }
  assert.is(await beat(broker, old), 'FENCED_INSTANCE_ID')
  assert.is((await sync(broker, old)).error, 'FENCED_INSTANCE_ID')
  assert.equal(await commit(broker, [{ partition: 0, offset: 1 }], old), ['FENCED_INSTANCE_ID'])
  assert.is(
    (await join(broker, { memberId: old.memberId, ...named(1) })).error,
    'FENCED_INSTANCE_ID',
  )
  assert.equal((await leave(broker, [old])).members, ['FENCED_INSTANCE_ID'])
})

test('a request of the replaced process that waits is ended', async () => {
  const { broker, clock, members } = await stable()
  const changed = [{ name: 'range', metadata: Buffer.from('more') }]
  const waiting = join(broker, { memberId: members[1]!.memberId, ...named(1), protocols: changed })
  await clock.advance(1)
  const back = returning(broker, 1)
  assert.is((await waiting).error, 'FENCED_INSTANCE_ID')
  await join(broker, { memberId: members[0]!.memberId, ...named(0) })
  assert.is((await back).generationId, 2)
})

test('another protocol is worth a rebalance', async () => {
  const it = await coordinated()
  const both = ['range', 'sticky'].map((name) => ({ name, metadata: Buffer.from(name) }))
  const members = await settle(
    it.broker,
    () => it.clock.advance(1),
    1,
    (i) => ({
      ...named(i),
      protocols: both,
    }),
  )
  assert.is(members[0]!.protocolName, 'range')
  const back = await returning(it.broker, 0, 9, { protocols: [both[1]] })
  assert.is(back.generationId, 2)
  assert.is(back.protocolName, 'sticky')
})

test('a restart while a generation is completed starts another one', async () => {
  const { broker, clock, members } = await stable()
  const rejoin = members.map((one, i) =>
    join(broker, {
      memberId: one.memberId,
      ...named(i),
      protocols: [{ name: 'range', metadata: Buffer.from('other') }],
    }),
  )
  const again = await Promise.all(rejoin)
  const f = again.findIndex(({ memberId, leader }) => memberId !== leader)
  const other = 1 - f
  assert.is(again[f]!.generationId, 2)
  const waits = sync(broker, { ...again[f]!, ...named(f) })
  const back = returning(broker, f)
  assert.is((await waits).error, 'FENCED_INSTANCE_ID')
  await clock.advance(1)
  await join(broker, { memberId: members[other]!.memberId, ...named(other) })
  assert.is((await back).generationId, 3)
})

test('a static member stays through a rebalance until its session ends', async () => {
  const { broker, clock, members } = await stable()
  const patience = { rebalanceTimeoutMs: 60_000 }
  const rejoining = join(broker, {
    memberId: members[0]!.memberId,
    ...named(0),
    ...patience,
    protocols: [{ name: 'range', metadata: Buffer.from('other') }],
  })
  await clock.advance(10_000)
  const joined = await rejoining
  assert.is(joined.error, 'NONE')
  assert.equal(
    joined.members.map(({ groupInstanceId }) => groupInstanceId),
    ['host-0'],
  )
})

test('an administrator removes a static member by its instance id', async () => {
  const { broker, members } = await stable()
  const gone = await leave(broker, [
    { memberId: '', ...named(1) },
    { memberId: '', groupInstanceId: 'nobody' },
  ])
  assert.equal(gone.members, ['NONE', 'UNKNOWN_MEMBER_ID'])
  assert.is(await beat(broker, { ...members[1]!, ...named(1) }), 'UNKNOWN_MEMBER_ID')
})

test('a new id that cannot be stored is taken back', async () => {
  const { broker, log, members } = await stable()
  log.refusal = 'NOT_ENOUGH_REPLICAS'
  assert.is((await returning(broker, 1)).error, 'COORDINATOR_NOT_AVAILABLE')
  log.refusal = null
  assert.is(await beat(broker, { ...members[1]!, ...named(1) }), 'NONE')
})

test('the answer waits until the new id is committed', async () => {
  const { broker, clock, log } = await stable()
  log.prompt = false
  let told = false
  const back = returning(broker, 1).then((answer) => {
    told = true
    return answer
  })
  await clock.advance(1)
  assert.not(told)
  log.commit()
  assert.is((await back).error, 'NONE')
})

test('a generation that nobody asks a part of leaves an empty group, also of static members', async () => {
  const { broker, clock, members } = await stable()
  async function live(generationId: number, ...living: number[]) {
    for (let s = 0; s < 60; s++) {
      for (const i of living) await beat(broker, { ...members[i]!, ...named(i), generationId })
      await clock.advance(1_000)
    }
  }
  const changed = [{ name: 'range', metadata: Buffer.from('more') }]
  const { memberId } = members[0]!
  const rejoined = join(broker, { memberId, ...named(0), protocols: changed })
  await live(1, 1)
  assert.is((await rejoined).members.length, 2, 'who is static stays, though it did not join')
  await live(2, 0, 1)
  assert.is(broker.groups.describeGroup('g', 6).groupState, 'Empty')
})

test.run()
