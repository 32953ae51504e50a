/**
 * What the walks are worth: a replica whose effects are left out, swapped or wrong, or whose chart
 * decides otherwise, is told from a sound one.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { quorum } from '../../machines/quorum.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { adapterOf } from './quorum-adapter.ts'
import { walk } from './walk.ts'

type Provided = Parameters<typeof quorum.provide>[0]
type Actions = NonNullable<Provided['actions']>
type Action = (...of: unknown[]) => void

/** What a host provides, as it would be with a bug. */
type Bug = (actions: Record<keyof Actions, Action>, provided: Provided) => Provided

async function complaintOf(bug: Bug): Promise<string> {
  const provide = quorum.provide
  const start = { id: 2, voters: [1, 2, 3], epoch: 4 }
  const coverage = coverageOf('a broken replica', quorum)
  quorum.provide = (of) => {
    const actions = { ...of.actions } as Record<keyof Actions, Action>
    return provide.call(quorum, bug(actions, of)) as typeof quorum
  }
  try {
    await walk(quorum, adapterOf('a broken replica', start, coverage), coverage)
    return 'nothing'
  } catch (error) {
    return (error as Error).message
  } finally {
    quorum.provide = provide
  }
}

const broken = (patch: (actions: Record<keyof Actions, Action>) => object): Bug => {
  return (actions, of) => ({ ...of, actions: { ...actions, ...patch(actions) } }) as Provided
}

const bugs: Record<string, { bug: Bug; told: string }> = {
  'a vote that is not persisted': {
    bug: broken(() => ({ persistState() {} })),
    told: 'what persistState does at once',
  },
  'votes that are asked for before the own one is persisted': {
    bug: broken(({ persistState, sendVoteRequests }) => ({
      persistState(of: { context: { voted: { id: number } | null } }, params: unknown) {
        if (of.context.voted?.id !== 2) persistState(of, params)
      },
      sendVoteRequests(of: unknown, params: unknown) {
        sendVoteRequests(of, params)
        persistState(of, params)
      },
    })),
    told: 'what persistState does at once',
  },
  'fetches that go on': {
    bug: broken(() => ({ stopFetching() {} })),
    told: 'nothing else is done',
  },
  'a vote that is granted instead of refused': {
    bug: broken(({ answerVote }) => ({
      answerVote: (of: unknown) => answerVote(of, { granted: true }),
    })),
    told: "vote: 'answer refused 0'",
  },
  'an epoch that is not announced': {
    bug: broken(() => ({ beginEpoch() {} })),
    told: 'what beginEpoch does at once',
  },
  'a leader that does not know that it lost': {
    bug: broken(() => ({ stopLeading() {} })),
    told: "waiters: 'leads no more'",
  },
  'what must not be, lived with': {
    bug: broken(() => ({ unexpected() {} })),
    told: 'what must not be ends the node',
  },
  'another chart, which decides otherwise': {
    bug: (_, of) => ({ ...of, guards: { ...of.guards, isFirstHeir: () => false } }) as Provided,
    told: 'the state after',
  },
}

listenToGuards(quorum)

for (const [name, { bug, told }] of Object.entries(bugs)) {
  test(`told: ${name}`, async () => assert.match(await complaintOf(bug), told))
}

test.run()
