/**
 * One node's part in deciding about the cluster: does it replay what others decide, or decide itself?
 *
 * Source: KIP-500, KIP-631 (active and standby controllers), KIP-868 (metadata transactions).
 * In:     who leads the metadata quorum, what became committed, faults.
 * Out:    what begins and ends with a term as active controller, and what it does by the clock.
 *         Requests pass beside it: in `active` they are decided by functions, one batch each.
 */
import { and, assign, not, setup } from 'xstate'
import { effect } from './effect.ts'

export type ControllerContext = {
  nodeId: number
  /** The quorum epoch last heard of. */
  epoch: number
  /** The epoch of the last term: it is not led twice (R1). */
  termEpoch: number
  /** Last record that activation appended; the term is settled once it is committed. */
  activationOffset: number
  /** metadata.max.idle.interval.ms */
  idleIntervalMs: number
  /** leader.imbalance.check.interval.seconds, in ms */
  balanceIntervalMs: number
  /** unclean.leader.election.interval.ms */
  uncleanIntervalMs: number
}

export type ControllerEvent =
  | { type: 'leaderChanged'; leaderId: number; epoch: number }
  /** Everything up to `offset` is committed. */
  | { type: 'committed'; offset: number }
  /** Activation has appended what it had to. */
  | { type: 'activated'; offset: number }
  /** A record could not be appended or applied: somebody else should lead. */
  | { type: 'failed' }
  | { type: 'stop' }

export type ControllerInput = Omit<ControllerContext, 'epoch' | 'termEpoch' | 'activationOffset'>

const controllerSetup = setup({
  types: {
    input: {} as ControllerInput,
    context: {} as ControllerContext,
    events: {} as ControllerEvent,
    tags: {} as 'active',
  },
  guards: {
    isSelf: ({ context, event }) =>
      event.type === 'leaderChanged' && event.leaderId === context.nodeId,
    isNewEpoch: ({ context, event }) =>
      event.type === 'leaderChanged' && event.epoch > context.epoch,
    /** The epoch may have been told before its leader was known. */
    isCurrentEpoch: ({ context, event }) =>
      event.type === 'leaderChanged' &&
      event.epoch >= context.epoch &&
      event.epoch > context.termEpoch,
    activationCommitted: ({ context, event }) =>
      event.type === 'committed' && event.offset >= context.activationOffset,
    hasIdleInterval: ({ context }) => context.idleIntervalMs > 0,
    hasBalanceInterval: ({ context }) => context.balanceIntervalMs > 0,
    hasUncleanInterval: ({ context }) => context.uncleanIntervalMs > 0,
  },
  delays: {
    idleInterval: ({ context }) => context.idleIntervalMs,
    balanceInterval: ({ context }) => context.balanceIntervalMs,
    uncleanInterval: ({ context }) => context.uncleanIntervalMs,
  },
  actions: {
    noteEpoch: assign(({ context, event }) =>
      event.type === 'leaderChanged' ? { epoch: Math.max(context.epoch, event.epoch) } : {},
    ),
    noteTerm: assign(({ context }) => ({
      termEpoch: context.epoch,
      activationOffset: Number.MAX_SAFE_INTEGER,
    })),
    noteActivation: assign(({ event }) =>
      event.type === 'activated' ? { activationOffset: event.offset } : {},
    ),
    /** From here on records are applied before they are committed, and can be taken back. */
    beginTerm: effect<{ epoch: number }>(),
    /** Aborts an open metadata transaction, writes the bootstrap records into an empty log. */
    appendActivationRecords: effect(),
    /** Every unfenced broker gets a fresh session: what the last controller heard is unknown (M6). */
    trackBrokers: effect(),
    dropBrokers: effect(),
    /** Back to the last committed point; who still waits for an answer hears NOT_CONTROLLER (M4). */
    revert: effect(),
    resignLeadership: effect<{ epoch: number }>(),
    appendNoOp: effect(),
    balanceLeaders: effect(),
    electUncleanly: effect(),
    unexpected: effect(),
  },
})

const endTerm = ['dropBrokers', 'revert'] as const
const resign = {
  type: 'resignLeadership',
  params: ({ context }: { context: ControllerContext }) => ({ epoch: context.epoch }),
} as const
const begin = {
  type: 'beginTerm',
  params: ({ context }: { context: ControllerContext }) => ({ epoch: context.epoch }),
} as const

const standby = controllerSetup.createStateConfig({
  description: 'The image is current, so taking over reads nothing back.',
  on: {
    leaderChanged: [
      { guard: and(['isSelf', 'isCurrentEpoch']), target: 'active', actions: 'noteEpoch' },
      { actions: 'noteEpoch' },
    ],
    committed: { description: 'Applied as it comes.' },
    activated: { description: 'Of a term that ended while its records were appended.' },
    failed: { description: 'Of a term that has ended.' },
    stop: { target: 'stopped' },
  },
})

const active = controllerSetup.createStateConfig({
  tags: 'active',
  type: 'parallel',
  entry: ['noteTerm', begin, 'appendActivationRecords', 'trackBrokers'],
  exit: [...endTerm],
  on: {
    leaderChanged: [
      {
        guard: and(['isSelf', 'isNewEpoch']),
        target: 'active',
        reenter: true,
        actions: 'noteEpoch',
      },
      { guard: 'isSelf', description: 'Told twice.' },
      { target: 'standby', actions: 'noteEpoch' },
    ],
    failed: { target: 'resigning', actions: resign },
    stop: { target: 'stopped' },
  },
  states: {
    term: {
      initial: 'activating',
      on: { activated: { actions: 'noteActivation' } },
      states: {
        activating: {
          description: 'Requests are served; their answers wait for these records, too.',
          on: { committed: [{ guard: 'activationCommitted', target: 'settled' }, {}] },
        },
        settled: { on: { committed: {} } },
      },
    },
    idling: {
      initial: 'deciding',
      states: {
        deciding: { always: [{ guard: 'hasIdleInterval', target: 'on' }, { target: 'off' }] },
        on: {
          description: 'A log that moves shows brokers that they are current.',
          after: { idleInterval: { target: 'on', reenter: true, actions: 'appendNoOp' } },
        },
        off: {},
      },
    },
    balancing: {
      initial: 'deciding',
      states: {
        deciding: { always: [{ guard: 'hasBalanceInterval', target: 'on' }, { target: 'off' }] },
        on: {
          after: { balanceInterval: { target: 'on', reenter: true, actions: 'balanceLeaders' } },
        },
        off: {},
      },
    },
    electing: {
      initial: 'deciding',
      states: {
        deciding: { always: [{ guard: 'hasUncleanInterval', target: 'on' }, { target: 'off' }] },
        on: {
          after: { uncleanInterval: { target: 'on', reenter: true, actions: 'electUncleanly' } },
        },
        off: {},
      },
    },
  },
})

const resigning = controllerSetup.createStateConfig({
  description: 'The quorum has been asked for another leader and has not told of one yet.',
  on: {
    leaderChanged: [
      { guard: and(['isSelf', 'isNewEpoch']), target: 'active', actions: 'noteEpoch' },
      { guard: not('isSelf'), target: 'standby', actions: 'noteEpoch' },
      { description: 'The term that is being given up.' },
    ],
    committed: { description: 'Applied as it comes.' },
    activated: { description: 'Of the term that is being given up.' },
    failed: { description: 'It is resigning already.' },
    stop: { target: 'stopped' },
  },
})

export const controller = controllerSetup.createMachine({
  id: 'controller',
  initial: 'standby',
  context: ({ input }) => ({
    ...input,
    epoch: -1,
    termEpoch: -1,
    activationOffset: Number.MAX_SAFE_INTEGER,
  }),
  on: { '*': { actions: 'unexpected' } },
  states: { standby, active, resigning, stopped: { type: 'final' } },
})
