/**
 * A classic group: is a rebalance on, who is waited for, may the members work?
 *
 * Source: Kafka's ClassicGroupState; KIP-134 (initial delay), KIP-345 (static members), KIP-394
 *         (member ids are given out before members are taken).
 * In:     requests that are already checked, each with what the roster counts once it is done.
 * Out:    who is answered, dropped and stored. Tags are Kafka's names of the states.
 */
import { and, assign, not, setup } from 'xstate'
import { effect } from './effect.ts'
import { invariant } from './invariant.ts'

/** What of the members matters here; rows, metadata and assignments are the actor's. */
export type Roster = {
  members: number
  joined: number // members whose JoinGroup waits for its answer
  static: number // static members
  absentStatic: number // static members whose JoinGroup is not there
  promised: number // member ids that were given out and have not joined yet
  unsynced: number // members that have not asked for their assignment of this generation
  unsyncedStatic: number // static members among them
  rebalanceTimeoutMs: number // the longest of the members'
}

/** A 'replacement' is a static member that comes back under a new member id. */
export type Joiner = 'new' | 'member' | 'leader' | 'replacement'

type Event =
  /** `changed`: other protocols or metadata; of a replacement: another protocol would be selected. */
  | { type: 'JoinGroup'; request: number; joiner: Joiner; changed: boolean; roster: Roster }
  | { type: 'SyncGroup'; request: number; leads: boolean; roster: Roster }
  | { type: 'LeaveGroup'; roster: Roster }
  | { type: 'sessionExpired'; roster: Roster }
  | { type: 'promiseGone'; roster: Roster }
  | { type: 'assignmentStored'; generationId: number }
  | { type: 'assignmentFailed'; generationId: number; error: string }
  | { type: 'unloaded' }

export type GroupInput = {
  groupId: string
  generationId: number // as the log last said
  roster: Roster
  initialDelayMs: number // group.initial.rebalance.delay.ms
  crowded: boolean // loaded with more members than group.max.size
}
type Context = GroupInput & {
  delayMs: number // of the initial delay that runs
  remainingMs: number // by which it may still be extended
  grew: boolean // members came during it
}

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

type Request = { request: number }
const takeJoin = {
  type: 'takeJoin',
  params: ({ event }: { event: Event }) => ({ request: requestOf(event) }),
} as const
const answerCurrentGeneration = { ...takeJoin, type: 'answerCurrentGeneration' } as const
const storeReplacement = { ...takeJoin, type: 'storeReplacement' } as const
const parkSync = { ...takeJoin, type: 'parkSync' } as const
const storeAssignment = { ...takeJoin, type: 'storeAssignment' } as const
const answerSync = { ...takeJoin, type: 'answerSync' } as const
const refuseSync = (error: string) =>
  ({
    type: 'refuseSync',
    params: ({ event }: { event: Event }) => ({ request: requestOf(event), error }),
  }) as const
const interruptSyncs = {
  type: 'refuseSyncs',
  params: { error: 'REBALANCE_IN_PROGRESS' },
} as const
const failSyncs = {
  type: 'refuseSyncs',
  params: ({ event }: { event: Event }) => ({ error: errorOf(event) }),
} as const

const groupSetup = setup({
  types: {
    input: {} as GroupInput,
    context: {} as Context,
    events: {} as Event,
    tags: {} as GroupState,
  },
  guards: {
    hasMembers: ({ context }) => context.roster.members > 0,
    isCrowded: ({ context }) => context.crowded,
    somebodyJoined: ({ context }) => context.roster.joined > 0,
    somebodyUnsynced: ({ context }) => context.roster.unsynced > 0,
    everybodyJoined: ({ context: { roster } }) =>
      roster.joined === roster.members && roster.promised === 0,
    mayGrowMore: ({ context }) => context.grew && context.remainingMs > 0,
    isNew: ({ event }) => event.type === 'JoinGroup' && event.joiner === 'new',
    isReplacement: ({ event }) => event.type === 'JoinGroup' && event.joiner === 'replacement',
    leads: ({ event }) =>
      (event.type === 'JoinGroup' && event.joiner === 'leader') ||
      (event.type === 'SyncGroup' && event.leads),
    changes: ({ event }) => event.type === 'JoinGroup' && event.changed,
    ofThisGeneration: ({ context, event }) =>
      'generationId' in event && event.generationId === context.generationId,
  },
  delays: {
    initialDelay: ({ context }) => context.delayMs,
    rebalanceTimeout: ({ context }) => context.roster.rebalanceTimeoutMs,
  },
  actions: {
    takeJoin: effect<Request>(), // the member is as it asked to be, its request waits
    answerCurrentGeneration: effect<Request>(),
    storeReplacement: effect<Request>(), // persist the new member id, then answer
    answerJoins: effect(), // elect a leader and a protocol, answer all
    dropUnjoined: effect(), // dynamic members whose JoinGroup is not there
    dropUnsynced: effect(),
    parkSync: effect<Request>(),
    storeAssignment: effect<Request>(),
    answerSync: effect<Request>(),
    answerSyncs: effect(),
    refuseSync: effect<Request & { error: string }>(),
    refuseSyncs: effect<{ error: string }>(),
    storeEmpty: effect(),
    refuseAll: effect(),
    unexpected: ({ event }) => invariant(false, `X1: a group expects no ${event.type} now`),

    note: assign(({ context, event }) => ('roster' in event ? { roster: event.roster } : context)),
    nextGeneration: assign({ generationId: ({ context }) => context.generationId + 1 }),
    beginInitialDelay: assign(({ context }) => ({
      delayMs: context.initialDelayMs,
      remainingMs: Math.max(0, context.roster.rebalanceTimeoutMs - context.initialDelayMs),
      grew: false,
    })),
    noteGrowth: assign({ grew: true }),
    extendInitialDelay: assign(({ context }) => ({
      delayMs: Math.min(context.initialDelayMs, context.remainingMs),
      remainingMs: Math.max(0, context.remainingMs - context.delayMs),
      grew: false,
    })),
    countOutUnjoined: assign(({ context: { roster } }) => ({
      roster: { ...roster, members: roster.joined + roster.absentStatic },
    })),
    countOutUnsynced: assign(({ context: { roster } }) => {
      const ofStatic = roster.static - roster.unsyncedStatic
      const members = roster.members - roster.unsynced
      const none = { unsynced: 0, unsyncedStatic: 0 }
      return { roster: { ...roster, ...none, members, static: ofStatic, absentStatic: ofStatic } }
    }),
    awaitSyncs: assign(({ context: { roster } }) => ({
      roster: {
        ...roster,
        joined: 0,
        absentStatic: roster.static,
        unsynced: roster.members,
        unsyncedStatic: roster.static,
      },
    })),
  },
})

const empty = groupSetup.createStateConfig({
  description: 'Who is not a member is refused before anything is decided.',
  tags: 'Empty',
  on: {
    JoinGroup: {
      target: 'preparingRebalance.initialDelay',
      actions: [takeJoin, 'note', 'beginInitialDelay'],
    },
  },
})

const preparingRebalance = groupSetup.createStateConfig({
  tags: 'PreparingRebalance',
  initial: 'joining',
  on: {
    SyncGroup: { actions: refuseSync('REBALANCE_IN_PROGRESS') },
    LeaveGroup: { actions: 'note' },
    sessionExpired: { actions: 'note' },
  },
  states: {
    initialDelay: {
      description: 'A first rebalance waits for the rest of a fleet that is just starting.',
      after: {
        initialDelay: [
          {
            guard: 'mayGrowMore',
            target: 'initialDelay',
            reenter: true,
            actions: 'extendInitialDelay',
          },
          { target: 'joinPhaseOver' },
        ],
      },
      on: {
        JoinGroup: [
          { guard: 'isNew', actions: [takeJoin, 'note', 'noteGrowth'] },
          { actions: [takeJoin, 'note'] },
        ],
      },
    },
    joining: {
      always: { guard: 'everybodyJoined', target: 'joinPhaseOver' },
      after: { rebalanceTimeout: { target: 'joinPhaseOver' } },
      on: { JoinGroup: { actions: [takeJoin, 'note'] } },
    },
    joinPhaseOver: {
      entry: ['dropUnjoined', 'countOutUnjoined'],
      always: [
        { guard: 'somebodyJoined', target: '#group.generation', actions: 'nextGeneration' },
        {
          guard: 'hasMembers',
          target: 'joining',
          description: 'Static members stay until their sessions end.',
        },
        { target: '#group.empty', actions: ['nextGeneration', 'storeEmpty'] },
      ],
    },
  },
})

const completingRebalance = groupSetup.createStateConfig({
  tags: 'CompletingRebalance',
  entry: ['answerJoins', 'awaitSyncs'],
  initial: 'awaitingLeader',
  on: {
    JoinGroup: [
      {
        guard: and([not('isNew'), not('isReplacement'), not('changes')]),
        actions: answerCurrentGeneration,
        description: 'Its first answer was lost.',
      },
      { target: '#group.preparingRebalance', actions: [takeJoin, interruptSyncs, 'note'] },
    ],
    SyncGroup: { actions: [parkSync, 'note'] },
  },
  states: {
    awaitingLeader: {
      on: {
        SyncGroup: [
          {
            guard: 'leads',
            target: 'storing',
            actions: [parkSync, 'note', storeAssignment],
          },
          { actions: [parkSync, 'note'] },
        ],
      },
    },
    storing: {
      description: 'Nobody learns an assignment of a generation that is not durable (G2).',
      on: {
        assignmentStored: {
          guard: 'ofThisGeneration',
          target: '#group.generation.stable',
          actions: 'answerSyncs',
        },
        assignmentFailed: {
          guard: 'ofThisGeneration',
          target: '#group.preparingRebalance',
          actions: failSyncs,
        },
      },
    },
  },
})

const stable = groupSetup.createStateConfig({
  tags: 'Stable',
  on: {
    JoinGroup: [
      {
        guard: and(['isReplacement', not('changes')]),
        actions: storeReplacement,
        description: 'It takes over the assignment of the one before.',
      },
      {
        guard: and([not('isNew'), not('leads'), not('changes')]),
        actions: answerCurrentGeneration,
      },
      { target: '#group.preparingRebalance', actions: [takeJoin, 'note'] },
    ],
    SyncGroup: { actions: [answerSync, 'note'] },
  },
})

const generation = groupSetup.createStateConfig({
  initial: 'completingRebalance',
  after: {
    rebalanceTimeout: [
      {
        guard: 'somebodyUnsynced',
        target: 'preparingRebalance',
        actions: [interruptSyncs, 'dropUnsynced', 'countOutUnsynced'],
      },
      { description: 'Everybody has its part.' },
    ],
  },
  on: {
    LeaveGroup: { target: 'preparingRebalance', actions: [interruptSyncs, 'note'] },
    sessionExpired: { target: 'preparingRebalance', actions: [interruptSyncs, 'note'] },
  },
  states: { completingRebalance, stable },
})

export const group = groupSetup.createMachine({
  id: 'group',
  context: ({ input }) => ({ ...input, delayMs: 0, remainingMs: 0, grew: false }),
  initial: 'known',
  states: {
    known: {
      description: 'A new coordinator goes on from what the log says.',
      always: [
        { guard: 'isCrowded', target: 'preparingRebalance' },
        { guard: 'hasMembers', target: 'generation.stable' },
        { target: 'empty' },
      ],
    },
    empty,
    preparingRebalance,
    generation,
    dead: { type: 'final', tags: 'Dead' },
  },
  on: {
    promiseGone: { actions: 'note' },
    assignmentStored: { description: 'Of a generation since given up.' },
    assignmentFailed: { description: 'Of a generation since given up.' },
    unloaded: { target: '.dead', actions: 'refuseAll' },
    '*': { actions: 'unexpected' },
  },
})

export type GroupEvent = Event

function requestOf(event: Event): number {
  invariant('request' in event, `a ${event.type} is no request`)
  return event.request
}

function errorOf(event: Event): string {
  invariant('error' in event, `a ${event.type} tells no error`)
  return event.error
}
