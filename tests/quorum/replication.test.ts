/** Replicas elect a leader and agree on a log, in ordinary times. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { quorumWorld } from './support/quorum-world.ts'

test('a sole voter leads at once and commits alone', async () => {
  const world = quorumWorld({ voters: [1] })
  await world.startAll()
  await world.until(() => world.leader()?.leaders.at(-1) === '1@1', 50)
  const offset = world.append('a')
  await world.until(() => world.node(1).told.get(offset) === 'a', 50)
})

test('three voters elect one of them within a second of their first start', async () => {
  const world = quorumWorld({ voters: [1, 2, 3] })
  await world.startAll()
  await world.until(() => world.leader()?.leaders.at(-1) === '1@1', 1000)
  const offset = world.append('a')
  await world.until(() => [1, 2, 3].every((id) => world.node(id).told.get(offset) === 'a'), 1000)
  assert.is(world.node(2).quorum!.leaderAndEpoch().leaderId, 1)
})

test.run()
