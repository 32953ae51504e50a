/**
 * One broker's replica of one partition: does it lead, follow or stand still, and which in-sync
 * replicas (ISR) does its leader count?
 *
 * Source: KIP-497 (AlterPartition: a pending change is visible, the maximal ISR counts), KIP-320
 *         and KIP-595 (truncation by leader epoch), KIP-966 (min ISR and the high watermark).
 * In:     what the metadata image says of the partition, what fetches reveal, AlterPartition's answer.
 * Out:    what to truncate, fetch and propose. Records and offsets of followers pass beside it.
 */
import { and, assign, setup } from 'xstate'
import { effect } from './effect.ts'

export type ReplicaContext = {
  topicId: string
  partition: number
  /** -1: none is known. */
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  /** As last committed by the controller. */
  isr: number[]
  /** The one that is asked for; equal to `isr` when nothing is pending. */
  proposedIsr: number[]
}

/** The partition as the image has it. */
export type PartitionAssignment = {
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  isr: number[]
}

/** How the controller took a proposal, after Kafka's table of AlterPartition errors. */
export type AlterPartitionOutcome =
  /** Committed, or already so. */
  | 'committed'
  /** Not applied for certain: back to the committed ISR. */
  | 'refused'
  /** The controller knows more than this leader: the image will tell; the pending ISR counts until then. */
  | 'superseded'
  /** Lost, or the controller is busy: ask again; the pending ISR counts until known. */
  | 'unknown'

export type ReplicaEvent =
  | ({ type: 'lead' } & PartitionAssignment)
  | ({ type: 'follow' } & PartitionAssignment)
  | { type: 'goOffline' }
  | { type: 'diverged'; epoch: number; endOffset: number }
  | { type: 'truncated' }
  /** Followers that are not in the ISR; told where nothing is pending. */
  | { type: 'caughtUp'; replicas: number[] }
  /** Members of the ISR; told where nothing is pending. */
  | { type: 'fellBehind'; replicas: number[] }
  | {
      type: 'AlterPartition'
      /** The epochs that the proposal was made in, by which a late answer is known (X2). */
      askedIn: { leaderEpoch: number; partitionEpoch: number }
      outcome: AlterPartitionOutcome
      isr: number[]
      partitionEpoch: number
    }

/** Whoever is or may be in the ISR: the high watermark waits for all of them (KIP-497). */
export const maximalIsr = ({ isr, proposedIsr }: ReplicaContext): number[] =>
  proposedIsr.length > isr.length ? proposedIsr : isr

const told = (event: ReplicaEvent): PartitionAssignment | undefined =>
  event.type === 'lead' || event.type === 'follow' ? event : undefined

export const replicaSetup = setup({
  types: {
    input: {} as ReplicaContext,
    context: {} as ReplicaContext,
    events: {} as ReplicaEvent,
    /** `timed`: a timer runs, so this one cannot be put away as a row. */
    tags: {} as 'offline' | 'follower' | 'leader' | 'timed',
  },
  guards: {
    isNewEpoch: ({ context, event }) => (told(event)?.leaderEpoch ?? -1) > context.leaderEpoch,
    isNewPartitionEpoch: ({ context, event }) =>
      (told(event)?.partitionEpoch ?? -1) > context.partitionEpoch,
    hasLeader: ({ event }) => (told(event)?.leader ?? -1) >= 0,
    isAnswer: ({ context, event }) =>
      event.type === 'AlterPartition' &&
      event.askedIn.leaderEpoch === context.leaderEpoch &&
      event.askedIn.partitionEpoch === context.partitionEpoch,
    isCommitted: ({ event }) => event.type === 'AlterPartition' && event.outcome === 'committed',
    isRefused: ({ event }) => event.type === 'AlterPartition' && event.outcome === 'refused',
    isSuperseded: ({ event }) => event.type === 'AlterPartition' && event.outcome === 'superseded',
  },
  delays: { proposalRetry: 50, refusedRetry: 500 },
  actions: {
    beginLeading: effect(),
    endLeading: effect(),
    beginFollowing: effect(),
    /** By the leader's word, or, without one, as a follower does before its first fetch. */
    truncate: effect<{ epoch: number; endOffset: number } | undefined>(),
    startFetching: effect(),
    stopFetching: effect(),
    proposeIsr: effect(),
    isrCommitted: effect(),
    reviewIsr: effect(),
    unexpected: effect(),
    keep: assign(({ context, event }) => {
      const now = told(event)
      if (!now) return context
      const { leader, leaderEpoch, partitionEpoch, isr } = now
      return { ...context, leader, leaderEpoch, partitionEpoch, isr, proposedIsr: isr }
    }),
    keepAnswer: assign(({ context, event }) => {
      if (event.type !== 'AlterPartition') return context
      const { isr, partitionEpoch } = event
      return { ...context, isr, proposedIsr: isr, partitionEpoch }
    }),
    withdraw: assign({ proposedIsr: ({ context }) => context.isr }),
    grow: assign({
      proposedIsr: ({ context, event }) =>
        event.type === 'caughtUp' ? [...context.isr, ...event.replicas] : context.isr,
    }),
    shrink: assign({
      proposedIsr: ({ context, event }) =>
        event.type === 'fellBehind'
          ? context.isr.filter((id) => !event.replicas.includes(id))
          : context.isr,
    }),
  },
})

const lateAnswer = { description: 'From a leadership since lost.' } as const

const assigned = replicaSetup.createStateConfig({
  description: 'The image names this broker; its part is told in the same turn.',
})

const offline = replicaSetup.createStateConfig({
  description: 'Its log directory failed: it takes no part until the broker restarts.',
  tags: 'offline',
  on: {
    lead: { actions: 'keep' },
    follow: { actions: 'keep' },
    truncated: { description: 'It failed as it was cut.' },
    AlterPartition: lateAnswer,
  },
})

const follower = replicaSetup.createStateConfig({
  tags: 'follower',
  initial: 'leaderless',
  states: {
    leaderless: {
      description: 'The partition has no leader: it keeps what it has.',
    },
    truncating: {
      description: 'Cuts what the leader does not have before it fetches (KIP-101, 320).',
      on: { truncated: 'fetching' },
    },
    fetching: {
      entry: 'startFetching',
      exit: 'stopFetching',
      on: {
        diverged: {
          target: 'truncating',
          actions: {
            type: 'truncate',
            params: ({ event: { epoch, endOffset } }) => ({ epoch, endOffset }),
          },
        },
      },
    },
  },
  on: { AlterPartition: lateAnswer },
})

const answers = {
  AlterPartition: [
    {
      guard: and(['isAnswer', 'isCommitted']),
      target: '#committed',
      actions: ['keepAnswer', 'isrCommitted', 'reviewIsr'],
    },
    { guard: and(['isAnswer', 'isRefused']), target: '#refused', actions: 'withdraw' },
    { guard: and(['isAnswer', 'isSuperseded']), target: '.awaitingImage' },
    { guard: 'isAnswer', target: '.retrying' },
  ],
} as const

const asking = {
  initial: 'asking',
  states: {
    asking: { entry: 'proposeIsr' },
    retrying: { tags: 'timed', after: { proposalRetry: 'asking' } },
    awaitingImage: { description: 'The controller is ahead of this leader; the image will tell.' },
  },
} as const

const leader = replicaSetup.createStateConfig({
  tags: 'leader',
  initial: 'committed',
  exit: 'endLeading',
  states: {
    committed: {
      id: 'committed',
      initial: 'settled',
      states: {
        settled: {
          on: { caughtUp: { target: '#pendingExpandIsr', actions: 'grow' } },
        },
        refused: {
          id: 'refused',
          description: 'The joiner may be fenced or stopping; the controller is not asked at once.',
          tags: 'timed',
          after: { refusedRetry: { target: 'settled', actions: 'reviewIsr' } },
          on: { caughtUp: { description: 'Looked at again when the time is over.' } },
        },
      },
      on: { fellBehind: { target: '#pendingShrinkIsr', actions: 'shrink' } },
    },
    pendingExpandIsr: {
      id: 'pendingExpandIsr',
      description: 'The joiner counts from now on, whatever becomes of the request.',
      ...asking,
      on: answers,
    },
    pendingShrinkIsr: {
      id: 'pendingShrinkIsr',
      description: 'Who is to leave counts until the controller has committed it.',
      ...asking,
      on: answers,
    },
  },
  on: {
    lead: [
      {
        guard: 'isNewEpoch',
        target: '.committed',
        actions: ['keep', 'beginLeading'],
        description: 'Elected again: what waits for the high watermark goes on waiting.',
      },
      {
        guard: 'isNewPartitionEpoch',
        target: '.committed',
        actions: ['keep', 'isrCommitted', 'reviewIsr'],
        description: 'The controller changed ISR or assignment; the leadership goes on.',
      },
      { description: 'Known already from an answer.' },
    ],
    AlterPartition: { description: 'To a proposal since settled.' },
  },
})

export const replica = replicaSetup.createMachine({
  id: 'replica',
  initial: 'assigned',
  context: ({ input }) => input,
  states: { assigned, offline, follower, leader },
  on: {
    lead: { target: '.leader', actions: ['keep', 'beginLeading'] },
    follow: [
      {
        guard: and(['isNewEpoch', 'hasLeader']),
        target: '.follower.truncating',
        reenter: true,
        actions: ['keep', 'beginFollowing', { type: 'truncate', params: undefined }],
      },
      {
        guard: 'isNewEpoch',
        target: '.follower.leaderless',
        reenter: true,
        actions: ['keep', 'beginFollowing'],
      },
      { guard: 'isNewPartitionEpoch', actions: 'keep' },
      { description: 'Known already.' },
    ],
    goOffline: '.offline',
    '*': { actions: 'unexpected' },
  },
})
