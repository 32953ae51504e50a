/**
 * The active controller's view of one registered broker: may it lead, and may it stop?
 *
 * Source: KIP-631 (registration, heartbeats, fencing); states are Kafka's BrokerControlState.
 * In:     each BrokerHeartbeat, with what the controller knows about its sender; a death noticed.
 * Out:    registration changes to append. Tags are what the answer tells the broker.
 */
import { and, not, setup } from 'xstate'
import { effect } from './effect.ts'

export type Heartbeat = {
  type: 'BrokerHeartbeat'
  wantFence: boolean
  wantShutDown: boolean
  /** The last offset that the broker has replayed. */
  currentMetadataOffset: number
  /** Partitions that it leads. */
  leaderships: number
  /** Every active broker has replayed that this one gives up its leaderships (KIP-841). */
  handOverSeen: boolean
}

/** Absent: as it was. */
export type RegistrationChange = { fenced?: -1 | 1; inControlledShutdown?: 1 }

/** The broker as the metadata log last told of it. */
export type Registration = {
  brokerId: number
  brokerEpoch: number
  registrationOffset: number
  fenced: boolean
  inControlledShutdown: boolean
  /** broker.session.timeout.ms */
  sessionTimeoutMs: number
  /** What a controller whose own loop stalled gives the heartbeats that wait in its queues. */
  stallGraceMs: number
}

/** brokerGone: nobody answers for this incarnation any more. It ends a session early, no more. */
export type RegistrationEvent = Heartbeat | { type: 'brokerGone' }

const fence = { type: 'appendChange', params: { fenced: 1 } } as const
const unfence = { type: 'appendChange', params: { fenced: -1 } } as const
const handOver = { type: 'appendChange', params: { inControlledShutdown: 1 } } as const

const registrationSetup = setup({
  types: {
    input: {} as Registration,
    context: {} as Registration,
    events: {} as RegistrationEvent,
    tags: {} as 'fenced' | 'shouldShutDown',
  },
  guards: {
    isFenced: ({ context }) => context.fenced,
    isStopping: ({ context }) => context.inControlledShutdown,
    wantsFence: ({ event }) => event.type === 'BrokerHeartbeat' && event.wantFence,
    wantsShutDown: ({ event }) => event.type === 'BrokerHeartbeat' && event.wantShutDown,
    leadsNothing: ({ event }) => event.type === 'BrokerHeartbeat' && event.leaderships === 0,
    givesUpLeading: ({ event }) =>
      event.type === 'BrokerHeartbeat' && (event.wantFence || event.leaderships === 0),
    handOverSeen: ({ event }) => event.type === 'BrokerHeartbeat' && event.handOverSeen,
    // A broker that has not replayed its own registration would lead on stale metadata.
    caughtUp: ({ context, event }) =>
      event.type === 'BrokerHeartbeat' && event.currentMetadataOffset >= context.registrationOffset,
    /** Of the controller's own loop; the host knows. */
    keptUp: () => true,
  },
  delays: {
    sessionTimeout: ({ context }) => context.sessionTimeoutMs,
    stallGrace: ({ context }) => context.stallGraceMs,
  },
  actions: {
    appendChange: effect<RegistrationChange>(),
    /** An event that no state foresees breaks an invariant. */
    unexpected: effect(),
  },
})

/** Ends in fencing, unless our own loop stalled and heartbeats wait to be read. */
const session = registrationSetup.createStateConfig({
  initial: 'lives',
  states: {
    lives: {
      after: {
        sessionTimeout: [
          { guard: 'keptUp', target: '#brokerRegistration.fenced', actions: fence },
          { target: 'overdue' },
        ],
      },
    },
    overdue: {
      description: 'The controller itself stalled: beats that wait in its queues count first.',
      after: {
        stallGrace: [
          { guard: 'keptUp', target: '#brokerRegistration.fenced', actions: fence },
          { target: 'overdue', reenter: true },
        ],
      },
    },
  },
})

const fenced = registrationSetup.createStateConfig({
  tags: 'fenced',
  on: {
    BrokerHeartbeat: [
      { guard: 'wantsShutDown', target: 'shutdownNow' },
      { guard: and([not('wantsFence'), 'caughtUp']), target: 'unfenced', actions: unfence },
      { description: 'Not caught up, or content to be fenced.' },
    ],
    brokerGone: { description: 'It leads nothing that could move.' },
  },
})

const unfenced = registrationSetup.createStateConfig({
  ...session,
  on: {
    BrokerHeartbeat: [
      { guard: and(['wantsShutDown', 'givesUpLeading']), target: 'shutdownNow', actions: fence },
      { guard: 'wantsShutDown', target: 'controlledShutdown', actions: handOver },
      {
        target: 'unfenced',
        reenter: true,
        description:
          'Re-entry restarts the session. A broker that was ready stays so: one that wants to be ' +
          'fenced was sent before, and comes late (N1); Kafka, whose connections keep the order, fences.',
      },
    ],
    brokerGone: { target: 'fenced', actions: fence },
  },
})

const controlledShutdown = registrationSetup.createStateConfig({
  ...session,
  on: {
    BrokerHeartbeat: [
      { guard: and(['leadsNothing', 'handOverSeen']), target: 'shutdownNow', actions: fence },
      { target: 'controlledShutdown', reenter: true },
    ],
    brokerGone: { target: 'fenced', actions: fence },
  },
})

export const brokerRegistration = registrationSetup.createMachine({
  id: 'brokerRegistration',
  initial: 'known',
  context: ({ input }) => input,
  on: { '*': { actions: 'unexpected' } },
  states: {
    known: {
      description: 'A new active controller goes on from the log: a full session for the unfenced.',
      always: [
        { guard: 'isFenced', target: 'fenced' },
        { guard: 'isStopping', target: 'controlledShutdown' },
        { target: 'unfenced' },
      ],
    },
    fenced,
    unfenced,
    controlledShutdown,
    shutdownNow: { type: 'final', tags: ['fenced', 'shouldShutDown'] },
  },
})
