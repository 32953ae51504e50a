/** One log on all replicas: divergence, observers, snapshots and voter sets. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  epochOf,
  quorumWorld,
  record,
  type World,
  type WorldOptions,
} from './support/quorum-world.ts'

const everywhere = (world: World, offset: number) =>
  [...world.nodes.values()].every(({ told }) => told.has(offset))
const confirmed = (world: World) =>
  world.until(() => {
    const leader = world.leader()
    return leader !== undefined && leader.leaders.at(-1) === `${leader.id}@${epochOf(leader)}`
  })

async function started(options: WorldOptions): Promise<World> {
  const world = quorumWorld(options)
  await world.startAll()
  await confirmed(world)
  return world
}

async function snapshot(world: World, id: number, names: string[]): Promise<void> {
  const { quorum, disk } = world.node(id)
  const last = quorum!.highWatermark() - 1
  const epoch = disk.log.epochAt(last)!
  let done = false
  const slices = names.map((name) => [record(name)])
  const written = quorum!.writeSnapshot(last, epoch, world.clock.now(), slices).then((size) => {
    assert.ok(size !== undefined && size > 0)
    done = true
  })
  while (!done && (await world.clock.step())) {}
  await written
}

test('a sole voter leads at once and commits alone', async () => {
  const world = quorumWorld({ voters: [1] })
  await world.startAll()
  await world.until(() => world.leader()?.leaders.at(-1) === '1@1', 50)
  const offset = world.append('a')
  await world.until(() => world.node(1).told.get(offset) === 'a', 50)
  world.kill(1)
  await world.start(1)
  await world.until(() => world.leader()?.leaders.at(-1) === '1@2', 50)
  assert.is(world.node(1).told.get(offset), 'a')
})

test('three voters elect one of them within a second of their first start', async () => {
  const world = quorumWorld({ voters: [1, 2, 3], observers: [4] })
  await world.startAll()
  await world.until(() => world.leader()?.leaders.at(-1) === '1@1', 1000)
  const offset = world.append('a')
  await world.until(() => everywhere(world, offset), 1000)
  assert.equal(world.node(4).quorum!.leaderAndEpoch(), { leaderId: 1, epoch: 1 })
  assert.equal(
    world
      .node(4)
      .quorum!.voters()
      .map(({ id }) => id),
    [1, 2, 3],
    'an observer learns the voters from the log',
  )
})

test('records of one append are one batch, and too many are refused whole', async () => {
  const world = await started({ voters: [1] })
  const { quorum } = world.node(1)
  const end = quorum!.endOffset()
  const last = quorum!.append(1, [record('a'), record('b'), record('c')])
  assert.is(last, end + 2)
  assert.is(world.node(1).disk.allBatches().at(-1)!.base, end)
  const big = Array.from({ length: 300 }, () => ({ ...record('a'), value: 'x'.repeat(30_000) }))
  assert.throws(() => quorum!.append(1, big as ReturnType<typeof record>[]), /above 8388608/)
  assert.is(quorum!.endOffset(), last + 1)
  assert.throws(() => quorum!.append(7, [record('x')]), /not led/)
})

test('power-loss-divergence: what one leader could not commit gives way to the next one’s', async () => {
  const world = await started({ voters: [1, 2, 3] })
  const old = world.leader()!
  world.network.isolate(old.id)
  const stray = world.append('stray')
  await world.clock.advance(20)
  await world.until(() => (world.leader()?.id ?? old.id) !== old.id)
  await confirmed(world)
  const kept = world.append('kept')
  assert.ok(kept >= stray)
  world.network.heal()
  await world.until(() => everywhere(world, kept))
  const bytes = [1, 2, 3].map((id) =>
    Buffer.concat(
      world
        .node(id)
        .disk.allBatches()
        .map((batch) => batch.bytes),
    ).toString('hex'),
  )
  assert.is(new Set(bytes).size, 1)
})

test('a follower far behind the log start pulls the snapshot, then goes on', async () => {
  const world = await started({ voters: [1, 2, 3], observers: [4], config: { retentionBytes: 1 } })
  const leader = world.leader()!
  const behind = [1, 2, 3].find((id) => id !== leader.id)!
  world.kill(behind)
  world.kill(4)
  const names = ['a', 'b', 'c', 'd']
  let last = -1
  for (const name of names) last = world.append(name)
  await world.until(() => leader.told.has(last))
  await snapshot(world, leader.id, names)
  assert.is(leader.disk.log.startOffset(), last + 1)
  assert.is(leader.disk.store.snapshots().length, 1, 'the bootstrap snapshot is superfluous')
  await world.start(behind)
  await world.start(4)
  const more = world.append('e')
  await world.until(() => everywhere(world, more))
  for (const id of [behind, 4]) {
    assert.equal([...world.node(id).told.values()], [...names, 'e'])
    assert.is(world.node(id).disk.log.startOffset(), last + 1)
    assert.is(world.node(id).quorum!.voters().length, 3, 'the snapshot holds the voters')
  }
  assert.equal(leader.quorum!.sinceSnapshot().bytes > 0, true)
})

test('what is older than its retention goes once a younger snapshot is there, and its log with it', async () => {
  const world = await started({ voters: [1], config: { retentionMs: 60_000 } })
  const { disk } = world.node(1)
  const cut = async (name: string) => {
    const last = world.append(name)
    await world.until(() => world.node(1).told.has(last))
    await snapshot(world, 1, [name])
    return last + 1
  }
  const first = await cut('a')
  const second = await cut('b')
  const offsets = () => disk.store.snapshots().map(({ offset }) => offset)
  assert.equal(offsets(), [first, second], 'both are young')
  await world.clock.advance(61_000)
  const third = await cut('c')
  assert.equal(offsets(), [third])
  assert.is(disk.log.startOffset(), third)
})

test('a leader that changes in the middle of a download costs only time', async () => {
  const world = await started({
    voters: [1, 2, 3],
    config: { retentionBytes: 1, fetchSnapshotMaxBytes: 20 },
  })
  const leader = world.leader()!
  const [behind, other] = [1, 2, 3].filter((id) => id !== leader.id) as [number, number]
  world.kill(behind)
  const last = world.append('a')
  await world.until(() => world.node(other).told.has(last))
  for (const id of [leader.id, other]) await snapshot(world, id, ['a'])
  await world.start(behind)
  let isDownloading = false
  world.network.onSend = (_, __, api) => {
    isDownloading ||= api === 'FetchSnapshot'
  }
  await world.until(() => isDownloading)
  await world.stop(leader.id)
  await confirmed(world)
  const more = world.append('b')
  await world.until(() => world.node(behind).told.has(more))
  assert.equal([...world.node(behind).told.values()], ['a', 'b'])
})

test('a restart replays snapshot and log, once each', async () => {
  const world = await started({ voters: [1], config: { retentionBytes: 1 } })
  const first = world.append('a')
  await world.until(() => world.node(1).told.has(first))
  await snapshot(world, 1, ['a'])
  const second = world.append('b')
  await world.until(() => world.node(1).told.has(second))
  await world.stop(1)
  await world.start(1)
  await confirmed(world)
  assert.equal([...world.node(1).told.values()], ['a', 'b'])
  assert.is(world.node(1).leaders.at(-1), '1@2')
})

test('sync-completion-after-overwrite: a slow sync does not vouch for what replaced its range', async () => {
  const world = await started({ voters: [1, 2, 3] })
  const old = world.leader()!
  old.disk.syncMs = 8_000
  world.network.isolate(old.id)
  world.append('stray')
  await world.until(() => (world.leader()?.id ?? old.id) !== old.id)
  await confirmed(world)
  const kept = world.append('kept')
  world.network.heal()
  await world.until(() => old.disk.log.endOffset() > kept)
  const { progress } = world.leader()!.quorum!.rpc.leadership()!
  const acknowledged = progress.states().find(({ replica }) => replica.id === old.id)?.endOffset
  assert.ok((acknowledged ?? 0) <= old.disk.log.recoveryPoint())
  await world.until(() => everywhere(world, kept))
})

test.run()
