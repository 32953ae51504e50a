/** Elections and their end, as scenarios: who leads, what is durable first, and what is lost. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { epochOf, quorumWorld, record, type World } from './support/quorum-world.ts'

const told = (world: World, offset: number, ids: number[]) =>
  ids.every((id) => world.node(id).told.has(offset))

async function started(world: World): Promise<World> {
  await world.startAll()
  await confirmed(world)
  return world
}
const confirmed = (world: World, ms = 10_000) =>
  world.until(() => {
    const leader = world.leader()
    return leader !== undefined && leader.leaders.at(-1) === `${leader.id}@${epochOf(leader)}`
  }, ms)
const roleOf = (world: World, id: number) => world.node(id).quorum?.role().state

test('a vote is durable before the answer leaves', async () => {
  const world = quorumWorld({ voters: [1, 2, 3] })
  const events: string[] = []
  for (const { id, disk } of world.nodes.values()) {
    disk.onVote = ({ leaderEpoch, votedId }) => {
      if (votedId >= 0) events.push(`${id} stores a vote for ${votedId}@${leaderEpoch}`)
    }
  }
  world.network.onSend = (from, to, api) => {
    if (api === 'BeginQuorumEpoch') events.push(`${from.nodeId} tells ${to} that it leads`)
  }
  await started(world)
  const leads = events.findIndex((event) => event.includes('leads'))
  const votes = events.slice(0, leads).filter((event) => event.includes('vote for 1@1'))
  assert.ok(votes.length >= 2, events.join('\n'))
})

test('leader-restarts-same-epoch: killed with an unsynced tail, it comes back in a new epoch', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3] }))
  const leader = world.leader()!
  leader.disk.syncMs = 10_000
  const lost = world.append('never synced here')
  world.kill(leader.id)
  await world.start(leader.id)
  assert.is(roleOf(world, leader.id), 'resigned')
  await confirmed(world)
  assert.ok(epochOf(world.leader()!) > 1)
  leader.disk.syncMs = 1
  const next = world.append('afterwards')
  await world.until(() => told(world, next, [1, 2, 3]))
  const [one, ...others] = [1, 2, 3].map((id) => world.node(id).told.get(lost))
  for (const other of others) assert.is(other, one, 'the same for all, kept or lost')
})

test('R14: a leader cut off from the others resigns and says so', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3] }))
  const old = world.leader()!
  world.network.isolate(old.id)
  const stray = old.quorum!.append(1, [record('stray')])
  const outcome = old.quorum!.committed(stray).then(
    () => 'committed',
    (why: Error) => why.constructor.name,
  )
  await world.until(() => roleOf(world, old.id) !== 'leader', 3_500)
  assert.is(old.leaders.at(-1), '-1@1')
  assert.is(await outcome, 'NotLeaderError')
  await world.until(() => (world.leader()?.id ?? old.id) !== old.id)
  await confirmed(world)
  const kept = world.append('kept')
  world.network.heal()
  await world.until(() => told(world, kept, [1, 2, 3]))
  for (const { told: names } of world.nodes.values()) {
    assert.not([...names.values()].includes('stray'))
  }
})

test('one-way-cut: a voter that can send but not hear raises no epoch', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3] }))
  const leader = world.leader()!
  const deaf = [1, 2, 3].find((id) => id !== leader.id)!
  for (const id of [1, 2, 3]) if (id !== deaf) world.network.cut(id, deaf)
  await world.clock.advance(30_000)
  assert.is(world.leader()!.id, leader.id)
  assert.is(epochOf(leader), 1)
  world.network.heal()
  const offset = world.append('a')
  await world.until(() => told(world, offset, [1, 2, 3]))
  assert.is(epochOf(world.leader()!), 1, 'nor does it when it is back')
})

test('R13: who is in contact with its leader refuses a pre-vote', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3] }))
  const leader = world.leader()!
  const other = [1, 2, 3].find((id) => id !== leader.id)!
  const { quorum } = world.node(other)
  await world.until(() => quorum!.role().context.fetched)
  const before = quorum!.role().context
  const asked = { candidate: { id: 9, directoryId: 'AAAAAAAAAAAAAAAAAAAACQ' }, epoch: 7 }
  const granted = quorum!.rpc.vote({ type: 'Vote', ...asked, preVote: true, upToDate: true })
  assert.is(granted, false)
  assert.equal(quorum!.role().context, before)
})

test('graceful-handover: a clean stop of a leader of five takes one round', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3, 4, 5] }))
  const old = world.leader()!
  const offset = world.append('a')
  await world.until(() => told(world, offset, [1, 2, 3, 4, 5]))
  const stoppedAt = world.clock.monotonic()
  await world.stop(old.id)
  await confirmed(world)
  const next = world.leader()!
  assert.is(epochOf(next), 2, 'one round')
  assert.ok(world.clock.monotonic() - stoppedAt < 300, 'long before any timeout')
})

test('a killed leader is replaced after a fetch timeout, without help from a probe', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3] }))
  const old = world.leader()!
  const offset = world.append('a')
  await world.until(() => told(world, offset, [1, 2, 3]))
  world.kill(old.id)
  await confirmed(world, 6_000)
  assert.ok(world.leader()!.told.has(offset))
})

test('voters that miss a silent leader at about the same time do not split the vote', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const voters = seed % 2 === 0 ? [1, 2, 3] : [1, 2, 3, 4, 5]
    const world = await started(quorumWorld({ voters, seed }))
    const old = world.leader()!
    const offset = world.append('a')
    await world.until(() => told(world, offset, voters))
    const silentAt = world.clock.monotonic()
    world.network.isolate(old.id)
    const isNew = () => world.leader() !== undefined && world.leader()!.id !== old.id
    await world.until(isNew, 6_000)
    const next = world.leader()!
    assert.is(epochOf(next), epochOf(old) + 1, `one round (SEED=${seed})`)
    assert.ok(world.clock.monotonic() - silentAt < 3_000, `SEED=${seed}`)
  }
})

test('leaderGone brings the election forward', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3] }))
  const old = world.leader()!
  const offset = world.append('a')
  await world.until(() => told(world, offset, [1, 2, 3]))
  world.kill(old.id)
  const others = [1, 2, 3].filter((id) => id !== old.id)
  for (const [index, id] of others.entries()) {
    // They do not notice in the same moment.
    await world.clock.advance(30 * index)
    const { replica } = world.node(id).quorum!.rpc
    replica.send({ type: 'leaderGone', leaderId: old.id, epoch: 1 })
  }
  const from = world.clock.monotonic()
  await confirmed(world)
  assert.ok(world.clock.monotonic() - from < 300)
})

test('vote-then-crash: a voter that restarts keeps to its vote', async () => {
  const world = quorumWorld({ voters: [1, 2, 3] })
  world.node(2).disk.store.writeState({
    leaderId: -1,
    leaderEpoch: 5,
    votedId: 3,
    votedDirectoryId: 'DIRECTORY000000000003A',
  })
  await world.start(2)
  const { rpc } = world.node(2).quorum!
  const ask = (id: number) => {
    const candidate = { id, directoryId: `DIRECTORY${String(id).padStart(12, '0')}A` }
    return rpc.vote({ type: 'Vote', candidate, epoch: 5, preVote: false, upToDate: true })
  }
  assert.is(ask(1), false)
  assert.is(ask(3), true)
})

test('static voters elect by id, and their first record names no directories', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3], statics: true }))
  const offset = world.append('a')
  await world.until(() => told(world, offset, [1, 2, 3]))
  assert.is(offset, 1, 'LeaderChange alone stands in front')
})

test('a disk that fails ends the replica, and the others go on', async () => {
  const world = await started(quorumWorld({ voters: [1, 2, 3] }))
  const old = world.leader()!
  old.disk.failSyncs()
  world.append('lost or kept')
  await world.until(() => old.halted !== undefined, 1_000)
  await world.until(() => (world.leader()?.id ?? old.id) !== old.id, 10_000)
  await confirmed(world)
})

test.run()
