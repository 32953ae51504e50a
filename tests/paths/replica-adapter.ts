/**
 * How the replica chart is reached inside a broker's replicas: the image tells its part, followers fetch
 * from it, it fetches itself, and the controller answers what it proposes.
 */
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot } from 'xstate'
import { type ReplicaContext, type ReplicaEvent, replica } from '../../machines/replica.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import {
  type BrokerWorld,
  divergedAt,
  nodeId,
  of,
  proposalLine,
  replicaIds,
  type Start,
  topicId,
  world,
} from './replica-world.ts'
import type { Adapter, Seen } from './walk.ts'

const contextOf = ({ context }: AnyMachineSnapshot): ReplicaContext => context
const isPending = (snapshot: AnyMachineSnapshot): boolean =>
  ['pendingExpandIsr', 'pendingShrinkIsr'].some((state) => snapshot.value.leader?.[state])

/**
 * What the image tells is new by this; epochs of a plan are not those of a walk. `isLate`: an answer to
 * a proposal that other news have settled.
 */
type Planned = ReplicaEvent & { by?: 'leaderEpoch' | 'partitionEpoch'; isLate?: boolean }

const errors: Readonly<Record<string, ErrorName>> = {
  committed: 'NONE',
  refused: 'INELIGIBLE_REPLICA',
  superseded: 'INVALID_UPDATE_VERSION',
}

function answerTo(on: BrokerWorld, outcome: string): void {
  const { proposal } = on
  if (proposal === undefined) return
  on.proposal = undefined
  if (outcome === 'unknown') {
    proposal.lose()
    return
  }
  if (outcome === 'committed') on.change({ isr: proposal.isr }, false)
  const { leaderEpoch, isr } = proposal
  const partitionEpoch = proposal.partitionEpoch + (outcome === 'committed' ? 1 : 0)
  const errorCode = errorCodes[errors[outcome]!]
  const told = { leaderId: nodeId, leaderEpoch, isr, leaderRecoveryState: 0, partitionEpoch }
  const partitions = [{ partitionIndex: of.partition, errorCode, ...told }]
  const topics = [{ topicId, partitions }]
  proposal.answer({ throttleTimeMs: 0, errorCode: errorCodes.NONE, topics })
}

/** A proposal whose answer comes when the image has told of something newer. */
async function answerLate(on: BrokerWorld, before: AnyMachineSnapshot): Promise<void> {
  const { isr, leader, leaderEpoch, partitionEpoch } = contextOf(before)
  const isStale = () =>
    on.proposal?.leaderEpoch !== leaderEpoch || on.proposal.partitionEpoch !== partitionEpoch
  if (on.proposal === undefined && !before.hasTag('offline')) {
    if (leader !== nodeId) on.change({ leader: nodeId, isr: [1, 2] })
    on.followerFetches(3)
    await on.clock.advance(0)
    if (leader !== nodeId) on.change({ leader, isr: [1, 2] })
  }
  if (leader === nodeId && !before.hasTag('offline') && !isStale()) on.change({ isr })
  await on.clock.advance(0)
  answerTo(on, 'refused')
}

export const adapterOf = (start: Start): Adapter<BrokerWorld> => ({
  name: start.name,
  machine: replica,
  input: {
    topicId,
    partition: of.partition,
    leader: -1,
    leaderEpoch: -1,
    partitionEpoch: -1,
    isr: [],
    proposedIsr: [],
  },
  open: () => world(start),
  differs: ({ isr, proposedIsr }: ReplicaContext) => [isr.length, proposedIsr.length],
  isFarEnough: (snapshot) => contextOf(snapshot).partitionEpoch > 6,
  events(snapshot) {
    const { leader, leaderEpoch, partitionEpoch, isr, proposedIsr } = contextOf(snapshot)
    const known = { leaderEpoch, partitionEpoch, isr }
    const elected = {
      by: 'leaderEpoch' as const,
      leaderEpoch: leaderEpoch + 1,
      partitionEpoch: partitionEpoch + 1,
    }
    const told = (more: object): Planned[] => {
      const type = leader === nodeId ? 'lead' : 'follow'
      return leaderEpoch < 0 ? [] : [{ type, leader, ...known, ...more } as Planned]
    }
    const part: Planned[] = [
      { type: 'follow', ...elected, leader: 2, isr: start.isr },
      { type: 'follow', ...elected, leader: -1, isr: start.isr },
      { type: 'lead', ...elected, leader: nodeId, isr: start.isr },
      { type: 'goOffline' },
    ]
    if (snapshot.value === 'assigned') return part
    // It follows at once, whatever comes.
    if (snapshot.value.follower === 'truncating') return [{ type: 'truncated' }]
    const askedIn = { leaderEpoch, partitionEpoch }
    const answer = { type: 'AlterPartition' as const, askedIn, isr: proposedIsr, partitionEpoch }
    const late = { ...answer, askedIn: { leaderEpoch: -1, partitionEpoch: -1 }, isLate: true }
    const { leader: leading, follower: following } = snapshot.value
    const isFollowing = following === 'fetching'
    const isAsking = [leading?.pendingExpandIsr, leading?.pendingShrinkIsr].includes('asking')
    const isCommitted = leading?.committed !== undefined
    const isSettled = leading?.committed === 'settled'
    const others = replicaIds.filter((id) => id !== nodeId)
    const joiners = others.filter((id) => !isr.includes(id))
    const members = others.filter((id) => isr.includes(id))
    const of = (when: boolean, ...events: Planned[]): Planned[] => (when ? events : [])
    return [
      ...of(isAsking || isSettled || isFollowing, { ...late, outcome: 'refused' }),
      ...of(snapshot.value === 'offline' && isr.length !== proposedIsr.length, {
        ...late,
        outcome: 'refused',
      }),
      ...of(
        isAsking,
        { ...answer, outcome: 'refused' },
        { ...answer, outcome: 'superseded' },
        { ...answer, outcome: 'unknown' },
        { ...answer, outcome: 'committed', partitionEpoch: partitionEpoch + 1 },
      ),
      ...of(isCommitted && joiners.length > 0, { type: 'caughtUp', replicas: joiners.slice(-1) }),
      ...of(isSettled && members.length > 0, { type: 'fellBehind', replicas: members.slice(-1) }),
      ...of(isFollowing, { type: 'diverged', epoch: 0, endOffset: 0 }),
      ...told({}),
      ...told({ by: 'partitionEpoch', partitionEpoch: partitionEpoch + 1 }),
      ...(snapshot.value === 'offline' ? part.slice(0, -1) : part),
    ]
  },
  isSame(planned: Planned, heard, before) {
    if (planned.type !== heard.type) return false
    if (planned.type === 'AlterPartition') {
      const { outcome } = heard as ReplicaEvent & { type: 'AlterPartition' }
      return planned.isLate || outcome === planned.outcome
    }
    if (planned.type !== 'lead' && planned.type !== 'follow') return true
    const told = heard as typeof planned
    const was = contextOf(before)
    return (
      told.leader === planned.leader &&
      told.leaderEpoch > was.leaderEpoch === (planned.by === 'leaderEpoch') &&
      told.partitionEpoch > was.partitionEpoch === (planned.by !== undefined)
    )
  },
  async cause(on, event: Planned, before) {
    const was = contextOf(before)
    switch (event.type) {
      case 'lead':
      case 'follow': {
        const { leader, isr } = event
        if (event.by === 'leaderEpoch') return on.change({ leader, isr })
        if (event.by === 'partitionEpoch') return on.change({ isr: was.isr })
        return on.tellAll()
      }
      case 'goOffline':
        return on.failDirectory()
      case 'caughtUp':
        return on.followerFetches(event.replicas[0]!)
      case 'fellBehind': {
        on.produce()
        const staying = was.isr.filter((id) => id !== nodeId && !event.replicas.includes(id))
        for (let waits = 0; waits < 15 && on.context().proposedIsr === was.isr; waits++) {
          for (const id of staying) on.followerFetches(id)
          await on.clock.advance(4_000)
        }
        return
      }
      case 'diverged': {
        const epoch = on.log.latestEpoch() ?? 0
        const endOffset = Math.max(0, on.log.endOffset() - 1)
        const fetch = on.parked.find(({ to }) => to === was.leader)
        return fetch?.answer([divergedAt({ epoch, endOffset })])
      }
      case 'AlterPartition':
        return event.isLate ? answerLate(on, before) : answerTo(on, event.outcome)
    }
  },
  effect(on, { type, params, context }): Seen {
    const now = context as ReplicaContext
    const end = on.log.endOffset()
    const to = params as { endOffset: number } | undefined
    switch (type) {
      case 'beginLeading':
        return { now: [`epoch ${now.leaderEpoch}`] }
      case 'endLeading':
        return { now: on.waits ? ['told whether committed: false'] : [] }
      case 'truncate': {
        const isCut = to !== undefined || on.log.latestEpoch() === undefined
        return { now: isCut ? [`cut to ${Math.min(end, to?.endOffset ?? 0)}`] : [] }
      }
      case 'startFetching':
        return { later: { fetch: `fetch from ${now.leader} in ${now.leaderEpoch}` } }
      case 'stopFetching':
        return { later: { fetch: null } }
      case 'proposeIsr':
        // One request at a time: a newer proposal waits for the answer to an older one.
        return on.proposal === undefined ? { later: { propose: proposalLine(now) } } : {}
      case 'isrCommitted':
        return { now: [`ISR committed ${now.isr}`] }
      default:
        return {}
    }
  },
  goesOn(line, snapshot) {
    const { leader, leaderEpoch } = contextOf(snapshot)
    if (snapshot.value.follower === 'fetching') {
      return line === `fetch from ${leader} in ${leaderEpoch}`
    }
    return isPending(snapshot) && line === proposalLine(contextOf(snapshot))
  },
  holds(on, snapshot) {
    const view = on.replicas.get(of)!
    const { leader, leaderEpoch } = contextOf(snapshot)
    assert.is(view.isLeader(), snapshot.hasTag('leader'), 'it leads where the chart does')
    assert.is(view.leaderId(), leader)
    assert.is(view.leaderEpoch(), leaderEpoch)
    if (snapshot.hasTag('offline')) assert.is(view.logEndOffset(), -1, 'nothing is read or written')
    const hasTimer = snapshot._nodes.some(({ after }) => after.length > 0)
    const isAwake = on.replicas.findByName(of)!.actor !== undefined
    assert.is(isAwake, hasTimer, 'it is put away where no timer runs, and only there')
    on.await()
  },
})
