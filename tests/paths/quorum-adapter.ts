/**
 * How the quorum chart's replica is reached: what may happen to it in each state, who makes it
 * happen, and what its effects look like at the ports.
 */
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot } from 'xstate'
import { encodeDataBatch } from '../../actors/quorum/data-records.ts'
import type { QuorumContext, QuorumEvent, QuorumInput } from '../../machines/quorum/types.ts'
import { keyOf as answerKey } from '../../machines/quorum/votes.ts'
import { quorum } from '../../machines/quorum.ts'
import { record } from '../quorum/support/quorum-world.ts'
import type { Coverage } from './coverage.ts'
import {
  answerOf,
  type Held,
  keyOf,
  logEpoch,
  peerAsks,
  peerFetches,
  type QuorumWorld,
  quorumWorld,
  type Start,
  votersBatch,
} from './quorum-world.ts'
import type { Adapter, Seen } from './walk.ts'

/** An answer to a request that is sent in this state from time to time. */
const isWaiting = ({ type }: QuorumEvent, { value }: AnyMachineSnapshot): boolean =>
  (type === 'learned' && value !== 'prospective') || (type === 'fetched' && isIn(value, 'follower'))

const contextOf = ({ context }: AnyMachineSnapshot): QuorumContext => context
const stateOf = ({ value }: AnyMachineSnapshot): string =>
  typeof value === 'string' ? value : Object.keys(value)[0]!

const isIn = (value: string | object, ...states: string[]): boolean =>
  typeof value === 'object' && states.some((state) => state in value)

function inputOf({ id, voters, epoch, leaderId = -1, votedId, isDamaged }: Start): QuorumInput {
  return {
    self: keyOf(id),
    voters: voters.map(keyOf),
    epoch,
    leaderId,
    voted: votedId === undefined ? null : keyOf(votedId),
    timing: {
      electionTimeoutMs: 1000,
      fetchTimeoutMs: 2000,
      electionBackoffMaxMs: 1000,
      preVoteRetryMs: 25,
    },
    isSuspect: isDamaged ?? false,
    firstTimeoutMs:
      voters.filter((each) => each < id).length === 0 ? 0 : 125 + 100 * (id > 3 ? 2 : 0),
    seed: Math.floor(0x7fff_ffff / 2),
  }
}

/** Requests, answers and evidence about this epoch and its neighbours. */
function eventsIn(snapshot: AnyMachineSnapshot): QuorumEvent[] {
  const { epoch, leaderId, self, voted, voters, isSuspect } = contextOf(snapshot)
  const { value } = snapshot
  const both = [true, false]
  const others = [1, 3]
  const isVoter = voters.some(({ id }) => id === self.id)
  const vote = (id: number, at: number, preVote: boolean, upToDate: boolean): QuorumEvent => ({
    type: 'Vote',
    candidate: keyOf(id),
    epoch: at,
    preVote,
    upToDate,
  })
  // Who lost its own log cannot tell; nor does it matter where no vote is to be had.
  const isMattering = (at: number, preVote: boolean) =>
    !isSuspect && (preVote || at > epoch || (leaderId === -1 && voted === null))
  const votes = [epoch, epoch + 1].flatMap((at) =>
    both.flatMap((preVote) =>
      both
        .filter((upToDate) => !upToDate || isMattering(at, preVote))
        .map((upToDate) => vote(1, at, preVote, upToDate)),
    ),
  )
  if (voted !== null) votes.push(vote(3, epoch, false, false))
  if (isIn(value, 'prospective') && isMattering(epoch, true)) votes.push(vote(3, epoch, true, true))
  const answers = both.flatMap((granted) =>
    others.map((id) => ({ type: 'VoteResponse' as const, from: keyOf(id), epoch, granted })),
  )
  const answered = answers.flatMap((one): QuorumEvent[] => [
    { ...one, preVote: true },
    { ...one, preVote: false },
    ...(one.granted ? [{ ...one, preVote: true, epoch: epoch - 1 }] : []),
  ])
  // Nobody else leads an epoch that this replica may have led.
  const mayBeLed = leaderId !== -1 || voted?.id !== self.id || isIn(value, 'candidate')
  const leaders = [
    ...(mayBeLed ? others.map((id) => ({ id, epoch })) : []),
    { id: 3, epoch: epoch + 1 },
    { id: self.id, epoch },
  ]
  const named = leaders.flatMap(({ id, epoch: at }): QuorumEvent[] => [
    { type: 'BeginQuorumEpoch', leaderId: id, epoch: at },
    { type: 'EndQuorumEpoch', leaderId: id, epoch: at, place: -1 },
    ...others.map((fromId) => ({ type: 'learned' as const, leaderId: id, epoch: at, fromId })),
  ])
  return [
    ...votes,
    ...answered,
    ...named,
    { type: 'learned', leaderId: -1, epoch: epoch - 1, fromId: 1 },
    { type: 'learned', leaderId: -1, epoch, fromId: 1 },
    { type: 'learned', leaderId: -1, epoch: epoch + 1, fromId: 1 },
    { type: 'fetched', epoch },
    { type: 'fetched', epoch: epoch - 1 },
    { type: 'leaderGone', leaderId, epoch },
    { type: 'leaderGone', leaderId: 7, epoch },
    { type: 'leaderGone', leaderId, epoch: epoch - 1 },
    { type: 'majorityFetched', epoch },
    { type: 'epochCommitted', epoch },
    { type: 'resign', epoch },
    { type: 'resign', epoch: epoch - 1 },
    { type: 'votersChanged', voters },
    ...(isVoter && voters.length > 1
      ? [{ type: 'votersChanged' as const, voters: others.map(keyOf) }]
      : []),
    ...(isSuspect ? [{ type: 'refetched' as const }] : []),
  ]
}

export function adapterOf(name: string, start: Start, coverage: Coverage): Adapter<QuorumWorld> {
  const waiting = new Map<QuorumWorld, number>()

  function tellInside(on: QuorumWorld, event: QuorumEvent): void {
    coverage.toldInside(event.type)
    on.quorum.rpc.replica.send(event)
  }

  async function answer(
    on: QuorumWorld,
    held: Held | undefined,
    ...of: [Parameters<typeof answerOf>[1]]
  ) {
    if (held === undefined) return false
    held.answer(answerOf(held, ...of))
    await on.clock.advance(0)
    return true
  }

  async function cause(
    on: QuorumWorld,
    event: QuorumEvent,
    before: AnyMachineSnapshot,
  ): Promise<void> {
    const context = contextOf(before)
    const { leaderId, epoch } = context
    const state = stateOf(before)
    const open = (...what: Held['what'][]) => on.held.filter((each) => what.includes(each.what))
    // Who has just been answered asks again a little later.
    for (let ticks = 0; ticks < 3 && isWaiting(event, before) && on.held.length === 0; ticks++) {
      await on.tick()
    }
    const ofEpoch = open('fetch').find((each) => each.to === leaderId && each.epoch === epoch)
    switch (event.type) {
      case 'Vote':
      case 'BeginQuorumEpoch':
      case 'EndQuorumEpoch':
        return peerAsks(on, event)
      case 'VoteResponse': {
        const { preVote, granted } = event
        const asked = open(preVote ? 'PreVote' : 'Vote').find(
          (each) => each.to === event.from.id && each.epoch === event.epoch,
        )
        if (!(await answer(on, asked, { granted }))) tellInside(on, event)
        return
      }
      case 'learned': {
        // What is still open of a fetch that was stopped tells nothing.
        const told = on.held.filter(({ what }) => what !== 'fetch')
        const asked =
          state === 'follower' && before.value.follower !== 'searching'
            ? ofEpoch
            : (told.find(({ to }) => to === event.fromId) ?? told[0])
        const isNews = event.epoch > epoch || asked?.what.endsWith('ote')
        const error = isNews ? 'FENCED_LEADER_EPOCH' : 'NONE'
        if (asked?.what === 'Begin' && !isNews) on.begun.add(`${asked.to}@${asked.epoch}`)
        if (!(await answer(on, asked, { ...event, error }))) tellInside(on, event)
        return
      }
      case 'fetched': {
        if (event.epoch === epoch && state === 'follower') {
          if (before.value.follower !== 'searching') return void (await answer(on, ofEpoch, {}))
          const asked = open('find').find(({ to }) => to === leaderId)
          if (await answer(on, asked, { leaderId, epoch })) return
        }
        return tellInside(on, event)
      }
      case 'majorityFetched':
        if (state !== 'leader' || context.voters.length < 3) return tellInside(on, event)
        return peerFetches(on, 1, context, false)
      case 'epochCommitted':
        if (before.value.leader?.epoch !== 'uncommitted') return tellInside(on, event)
        return peerFetches(on, 1, context, true)
      case 'resign':
        return on.quorum.resign(event.epoch)
      case 'votersChanged': {
        const ids = event.voters.map(({ id }) => id)
        if (before.value.follower === 'fetching' && ofEpoch !== undefined) {
          const records = votersBatch(on.endOffset(), epoch, ids)
          return void (await answer(on, ofEpoch, { records }))
        }
        return tellInside(on, event)
      }
      case 'refetched': {
        if (before.value.follower !== 'fetching' || ofEpoch === undefined)
          return tellInside(on, event)
        const batch = { baseOffset: on.endOffset(), leaderEpoch: logEpoch, timestampMs: 0 }
        const records = encodeDataBatch({ ...batch, records: [record('b')] })
        return void (await answer(on, ofEpoch, { records }))
      }
      case 'leaderGone':
        return tellInside(on, event)
    }
  }

  const others = (on: QuorumWorld) =>
    on.quorum.voters().flatMap(({ id }) => (id === start.id ? [] : [id]))

  function seen(on: QuorumWorld, type: string, params: unknown, context: QuorumContext): Seen {
    const { epoch, leaderId, voted, answers } = context
    const isAsked = (what: Held['what'], id: number) =>
      on.held.some((each) => each.what === what && each.to === id && each.epoch === epoch)
    switch (type) {
      case 'persistState': {
        const was = on.state()
        const votedId = voted?.id ?? -1
        const isKnown =
          was.leaderEpoch === epoch && was.leaderId === leaderId && was.votedId === votedId
        return { now: isKnown ? [] : [`persist ${epoch} ${leaderId} ${votedId}`] }
      }
      case 'answerVote':
        return {
          later: {
            vote: (params as { granted: boolean }).granted
              ? 'answer granted 0'
              : 'answer refused 0',
          },
        }
      case 'sendPreVotes': {
        const asked = others(on).filter(
          (id) => answers[answerKey(keyOf(id))] !== true && !isAsked('PreVote', id),
        )
        return { now: asked.map((id) => `PreVote to ${id} in ${epoch}`) }
      }
      case 'sendVoteRequests':
        return { now: others(on).map((id) => `Vote to ${id} in ${epoch}`) }
      case 'findLeader':
        return { later: { fetcher: others(on).length > 0 ? 'find to' : null } }
      case 'fetchFromLeader':
        return { later: { fetcher: `fetch to ${leaderId} in ${epoch}` } }
      case 'stopFetching':
        return { later: { fetcher: null } }
      case 'startEpoch':
        return { now: [`append in ${epoch}`] }
      case 'beginEpoch': {
        const since = on.clock.monotonic() - 1000
        const isKnown = (id: number) =>
          on.begun.has(`${id}@${epoch}`) &&
          (on.lastFetchMs.get(id) ?? Number.NEGATIVE_INFINITY) >= since
        const asked = others(on).filter((id) => !isAsked('Begin', id) && !isKnown(id))
        return { now: asked.map((id) => `Begin to ${id} in ${epoch}`) }
      }
      case 'claimLeadership':
        return { now: ['log: leads'] }
      case 'stopLeading': {
        const waits = waiting.delete(on)
        return { later: { waiters: waits ? 'leads no more' : null } }
      }
      case 'endEpoch':
        on.begun.clear()
        return { now: others(on).map((id) => `End to ${id} in ${epoch}`) }
      default:
        return {}
    }
  }

  return {
    name,
    machine: quorum,
    input: inputOf(start),
    events: eventsIn,
    differs: (
      { leaderId, voted, voters, fetched, answers, isSuspect }: QuorumContext,
      value: string | object,
    ) => [
      leaderId,
      voted?.id,
      voters.length,
      isSuspect,
      isIn(value, 'follower') && fetched,
      isIn(value, 'prospective', 'candidate') ? Object.values(answers).sort() : [],
    ],
    isRelative: true,
    // Who left the voters goes on as an observer does.
    isFarEnough: (snapshot) => {
      const { voters } = contextOf(snapshot)
      return voters.length < start.voters.length && stateOf(snapshot) === 'unattached'
    },
    open: () => quorumWorld(start),
    cause,
    isSame(planned: QuorumEvent, heard, before) {
      const told = heard as QuorumEvent
      if (planned.type === 'VoteResponse' && told.type === 'VoteResponse') {
        const { epoch, preVote, granted, from } = planned
        const isFrom = told.from.id === from.id && told.epoch === epoch
        return isFrom && told.preVote === preVote && told.granted === granted
      }
      if (planned.type !== 'learned' || told.type !== 'learned') {
        return JSON.stringify(planned) === JSON.stringify(told)
      }
      const { leaderId, epoch, fromId } = planned
      const isFromLeader = (fromId === leaderId) === (told.fromId === told.leaderId)
      const isEqual = told.leaderId === leaderId && told.epoch === epoch
      return isEqual && (stateOf(before) !== 'prospective' || isFromLeader)
    },
    effect: (on, { type, params, context }) => seen(on, type, params, context as QuorumContext),
    goesOn(line, at, on) {
      if (line === 'leads no more') return on.halted() !== undefined
      const { leaderId, epoch } = contextOf(at)
      const state = stateOf(at)
      if (line.startsWith('find ')) {
        const isLooking = ['unattached', 'resigned'].includes(state)
        return isLooking || at.value.follower === 'searching'
      }
      if (line === `fetch to ${leaderId} in ${epoch}`) return state === 'follower'
      if (line.startsWith('Vote ')) return state === 'candidate' && line.endsWith(` in ${epoch}`)
      if (line.startsWith('End ')) return state === 'resigned' && line.endsWith(` in ${epoch}`)
      return false
    },
    holds(on, snapshot) {
      if (on.halted() !== undefined) return
      const { epoch, leaderId, voted } = contextOf(snapshot)
      const durable = on.state()
      assert.is(durable.leaderEpoch, epoch, 'R3: the epoch is durable')
      assert.is(durable.votedId, voted?.id ?? -1, 'R2: the vote is durable')
      if (leaderId >= 0) assert.is(durable.leaderId, leaderId, 'R4: the leader is durable')
      const led = on.quorum.rpc.leadership()
      const isLeader = stateOf(snapshot) === 'leader'
      assert.is(led?.epoch, isLeader ? epoch : undefined, 'it leads where the chart says so')
      if (isLeader && !waiting.has(on)) {
        waiting.set(on, epoch)
        on.quorum.committed(1_000_000).catch(() => on.note('leads no more'))
      }
    },
  }
}
