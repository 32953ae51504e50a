/**
 * What the chart promises on every path, timers among the events: that its actor keeps to the chart
 * is walked in `tests/paths/`.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type AnyEventObject, getNextTransitions, type SnapshotFrom, transition } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import type { QuorumContext, QuorumEvent, QuorumInput } from '../../machines/quorum/types.ts'
import { quorum } from '../../machines/quorum.ts'

const key = (id: number) => ({ id, directoryId: `D${id}` })
const input: QuorumInput = {
  self: key(1),
  voters: [key(1), key(2), key(3)],
  epoch: 4,
  leaderId: -1,
  voted: null,
  timing: {
    electionTimeoutMs: 1000,
    fetchTimeoutMs: 2000,
    electionBackoffMaxMs: 1000,
    preVoteRetryMs: 50,
  },
  isSuspect: false,
  firstTimeoutMs: 100,
  seed: 1,
}

/** All that may arrive, about this epoch and its neighbours. */
function events({ epoch }: QuorumContext): QuorumEvent[] {
  const near = [epoch - 1, epoch, epoch + 1]
  const candidate = key(2)
  const both = [true, false]
  const all: QuorumEvent[] = near.flatMap((at): QuorumEvent[] => [
    ...both.flatMap((preVote) =>
      both.map((upToDate) => ({ type: 'Vote' as const, candidate, epoch: at, preVote, upToDate })),
    ),
    ...both.flatMap((preVote) =>
      both.map((granted) => ({
        type: 'VoteResponse' as const,
        from: key(3),
        epoch: at,
        preVote,
        granted,
      })),
    ),
    { type: 'VoteResponse', from: key(2), epoch: at, preVote: false, granted: false },
    { type: 'learned', leaderId: -1, epoch: at, fromId: 2 },
    { type: 'fetched', epoch: at },
    { type: 'leaderGone', leaderId: 3, epoch: at },
    { type: 'majorityFetched', epoch: at },
    { type: 'epochCommitted', epoch: at },
    { type: 'resign', epoch: at },
  ])
  all.push(
    { type: 'votersChanged', voters: input.voters },
    { type: 'votersChanged', voters: [key(2), key(3)] },
    { type: 'refetched' },
  )
  return all
}

type State = SnapshotFrom<typeof quorum>

/** Timers that are running, as events; and a leader only where it breaks no promise of Raft. */
function offered(state: State): AnyEventObject[] {
  const timers = getNextTransitions(state)
    .map(({ eventType }) => eventType)
    .filter((type) => type.startsWith('xstate.after'))
    .map((type) => ({ type }))
  const { epoch, leaderId, voted } = state.context
  // Only who won may be named: never a second leader of an epoch, never one that we kept from it.
  const mayLead =
    leaderId === -1 && (voted === null || voted.id !== 1) ? [epoch, epoch + 1] : [epoch + 1]
  const leaders = leaderId === 3 ? [epoch, ...mayLead] : mayLead
  const named = leaders.flatMap((at): QuorumEvent[] => [
    { type: 'BeginQuorumEpoch', leaderId: 3, epoch: at },
    { type: 'EndQuorumEpoch', leaderId: 3, epoch: at, place: 0 },
    { type: 'EndQuorumEpoch', leaderId: 3, epoch: at, place: -1 },
    { type: 'learned', leaderId: 3, epoch: at, fromId: 2 },
    { type: 'learned', leaderId: 3, epoch: at, fromId: 3 },
  ])
  return [...timers, ...events(state.context), ...named]
}

const nameOf = ({ value }: { value: unknown }): string =>
  typeof value === 'string' ? value : Object.keys(value as object)[0]!

const paths = getShortestPaths(quorum, {
  input,
  events: (state) => offered(state) as QuorumEvent[],
  serializeState: (state) => {
    const { epoch, leaderId, voted, voters, fetched, answers } = state.context
    return JSON.stringify([
      state.value,
      epoch,
      leaderId,
      voted?.id,
      voters.length,
      fetched,
      answers,
    ])
  },
  stopWhen: (state) => state.context.epoch > 6,
  limit: 200_000,
})

test('R18: only the published transitions occur', () => {
  const published: Record<string, string[]> = {
    unattached: ['unattached', 'prospective', 'follower', 'resigned'],
    prospective: ['unattached', 'candidate', 'follower', 'prospective'],
    candidate: ['unattached', 'prospective', 'leader', 'follower', 'candidate'],
    follower: ['unattached', 'prospective', 'follower'],
    leader: ['unattached', 'follower', 'resigned', 'leader'],
    resigned: ['unattached', 'follower', 'resigned'],
  }
  let moves = 0
  for (const { steps, state } of paths) {
    const states = [...steps.map((step) => step.state), state]
    for (const [index, to] of states.entries()) {
      const from = states[index - 1]
      if (from === undefined) continue
      const isPublished = published[nameOf(from)]!.includes(nameOf(to))
      assert.ok(isPublished, `${nameOf(from)} -> ${nameOf(to)}`)
      moves++
    }
  }
  assert.ok(moves > 100)
})

test('R3, R13: the epoch never falls, and rises by itself only from prospective', () => {
  for (const { steps, state } of paths) {
    const states = [...steps.map((step) => step.state), state]
    for (const [index, to] of states.entries()) {
      const from = states[index - 1]
      if (from === undefined) continue
      const event = steps[index]?.event as QuorumEvent | undefined
      assert.ok(to.context.epoch >= from.context.epoch)
      if (to.context.epoch === from.context.epoch || event === undefined) continue
      const told = 'epoch' in event && event.epoch === to.context.epoch
      if (!told) assert.is(nameOf(from), 'prospective', `epoch raised by ${event.type}`)
      const isPreVote = event.type === 'Vote' && event.preVote
      assert.not(isPreVote, 'a pre-vote teaches no epoch')
    }
  }
})

test('X1: every vote is answered, once', () => {
  for (const { state } of paths) {
    for (const event of events(state.context).filter(({ type }) => type === 'Vote')) {
      const [, actions] = transition(quorum, state, event)
      const answers = actions.filter(({ type }) => type === 'answerVote')
      assert.is(answers.length, 1, `${nameOf(state)} ${JSON.stringify(event)}`)
    }
  }
})

test('an observer is never candidate or leader', () => {
  const observer = getShortestPaths(quorum, {
    input: { ...input, self: key(9) },
    events: (state) =>
      (offered(state) as QuorumEvent[]).filter(({ type }) => type !== 'votersChanged'),
    serializeState: ({ value, context: { epoch, leaderId, voted, fetched } }) =>
      JSON.stringify([value, epoch, leaderId, voted?.id, fetched]),
    stopWhen: (state) => state.context.epoch > 6,
  })
  const names = new Set(observer.map(({ state }) => nameOf(state)))
  assert.equal([...names].sort(), ['follower', 'unattached'])
})

test.run()
