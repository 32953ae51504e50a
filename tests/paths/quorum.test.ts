/**
 * The quorum chart, walked at the replica that hosts it: a voter, a voter that is alone, an
 * observer, a leader that starts again, and one whose disk lost what it had acknowledged.
 */
import { test } from 'uvu'
import { quorum } from '../../machines/quorum.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { adapterOf } from './quorum-adapter.ts'
import type { Start } from './quorum-world.ts'
import { walk } from './walk.ts'

const starts: Record<string, Start> = {
  'a voter': { id: 2, voters: [1, 2, 3], epoch: 4 },
  'an only voter': { id: 2, voters: [2], epoch: 4 },
  'an observer': { id: 9, voters: [1, 2, 3], epoch: 4 },
  'a leader of before': { id: 2, voters: [1, 2, 3], epoch: 4, leaderId: 2, votedId: 2 },
  'a damaged voter': { id: 2, voters: [1, 2, 3], epoch: 4, isDamaged: true },
}

const inside = {
  VoteResponse: 'of a request that nobody waits for any more',
  fetched: 'of a fetch that its stop made stale (X2)',
  leaderGone: 'the leader watch says it; its probe is walked by itself',
  majorityFetched: 'a leadership that ended counts no fetches',
  epochCommitted: 'a leadership commits the start of its epoch once',
  votersChanged: 'records come to followers, and from leaders, only',
  refetched: 'a replica that does not fetch gets nothing back',
  learned: 'of a request that nobody waits for any more',
}

listenToGuards(quorum)
const coverage = coverageOf('quorum', quorum)

for (const [name, start] of Object.entries(starts)) {
  test(`${name}: every path is what its replica does`, () =>
    walk(quorum, adapterOf(name, start, coverage), coverage))
}

test('nothing is left out', () => coverage.report(inside))

test.run()
