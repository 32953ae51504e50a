/**
 * One broker's life: it registers, catches up, is unfenced, runs, and hands over before it stops.
 *
 * Source: KIP-631 (registration, heartbeats, fencing); states are Kafka's BrokerState.
 * In:     answers to BrokerRegistration and BrokerHeartbeat, and what happens in this process.
 * Out:    requests to send. `wantFence` and `wantShutDown` are what the next heartbeat asks for.
 */
import { and, assign, not, setup } from 'xstate'
import { effect } from './effect.ts'

export type BrokerLifecycleInput = {
  /** broker.heartbeat.interval.ms */
  heartbeatIntervalMs: number
}

export type BrokerLifecycleContext = BrokerLifecycleInput & {
  /** -1 until it is registered. */
  brokerEpoch: number
  /** Counts requests, so that a late answer is known as one (X2). */
  sent: number
  /** The first image is published, its replicas are made and the sockets listen. */
  ready: boolean
}

export type BrokerLifecycleEvent =
  | { type: 'BrokerRegistration'; token: number; brokerEpoch: number }
  | { type: 'registrationFailed'; token: number }
  | {
      type: 'BrokerHeartbeat'
      token: number
      isCaughtUp: boolean
      isFenced: boolean
      shouldShutDown: boolean
    }
  | { type: 'heartbeatFailed'; token: number; staleBrokerEpoch: boolean }
  | { type: 'readyToUnfence' }
  /** Beat now: what the controller should hear of does not wait for the next heartbeat. */
  | { type: 'newsForController' }
  | { type: 'shutdown'; deadlineMs: number }

export const brokerLifecycleSetup = setup({
  types: {
    input: {} as BrokerLifecycleInput,
    context: {} as BrokerLifecycleContext & { deadlineMs: number },
    events: {} as BrokerLifecycleEvent,
    tags: {} as 'registered' | 'unfenced' | 'stopping',
  },
  guards: {
    isAnswer: ({ context, event }) => 'token' in event && event.token === context.sent,
    isCaughtUp: ({ event }) => event.type === 'BrokerHeartbeat' && event.isCaughtUp,
    isUnfenced: ({ event }) => event.type === 'BrokerHeartbeat' && !event.isFenced,
    shouldShutDown: ({ event }) => event.type === 'BrokerHeartbeat' && event.shouldShutDown,
    isStale: ({ event }) => event.type === 'heartbeatFailed' && event.staleBrokerEpoch,
  },
  delays: {
    registrationRetry: 50,
    // Unfencing and handing over are what clients wait for, so they are not left to the interval.
    quickHeartbeat: 10,
    handOverHeartbeat: 50,
    heartbeatRetry: 100,
    heartbeatInterval: ({ context }) => context.heartbeatIntervalMs,
    controlledShutdownDeadline: ({ context }) => context.deadlineMs,
  },
  actions: {
    sendRegistration: effect(),
    sendHeartbeat: effect<{ wantFence: boolean; wantShutDown: boolean }>(),
    unexpected: effect(),
    count: assign({ sent: ({ context }) => context.sent + 1 }),
    markReady: assign({ ready: true }),
    keepEpoch: assign({
      brokerEpoch: ({ context, event }) =>
        event.type === 'BrokerRegistration' ? event.brokerEpoch : context.brokerEpoch,
    }),
    keepDeadline: assign({
      deadlineMs: ({ context, event }) =>
        event.type === 'shutdown' ? event.deadlineMs : context.deadlineMs,
    }),
  },
})

const beat = (wantShutDown: boolean) =>
  [
    'count',
    {
      type: 'sendHeartbeat',
      params: ({ context }: { context: BrokerLifecycleContext }) => ({
        wantFence: !context.ready,
        wantShutDown,
      }),
    },
  ] as const

const late = { description: 'A late answer to a request that was since given up.' }

const starting = brokerLifecycleSetup.createStateConfig({
  description:
    'Registers, one request at a time, and beats until it has replayed its registration.',
  initial: 'registering',
  states: {
    registering: {
      entry: ['count', 'sendRegistration'],
      on: {
        BrokerRegistration: { guard: 'isAnswer', target: 'beating', actions: 'keepEpoch' },
        registrationFailed: { guard: 'isAnswer', target: 'retrying' },
      },
    },
    retrying: {
      description:
        'DUPLICATE_BROKER_REGISTRATION ends when the session of the former process does.',
      after: { registrationRetry: 'registering' },
    },
    beating: {
      tags: 'registered',
      entry: [...beat(false)],
      on: {
        BrokerHeartbeat: [
          { guard: and(['isAnswer', 'isCaughtUp']), target: '#recovery' },
          { guard: 'isAnswer', target: 'resting' },
        ],
        heartbeatFailed: [
          { guard: and(['isAnswer', 'isStale']), target: 'registering' },
          { guard: 'isAnswer', target: 'resting' },
        ],
      },
    },
    resting: { tags: 'registered', after: { quickHeartbeat: 'beating' } },
  },
  on: { shutdown: 'shuttingDown' },
})

const recovery = brokerLifecycleSetup.createStateConfig({
  id: 'recovery',
  description: 'It has caught up; logs and replicas are being made, then it asks to be unfenced.',
  tags: 'registered',
  initial: 'beating',
  states: {
    beating: {
      entry: [...beat(false)],
      on: {
        BrokerHeartbeat: [
          { guard: and(['isAnswer', 'isUnfenced']), target: '#running' },
          { guard: 'isAnswer', target: 'resting' },
        ],
        heartbeatFailed: [
          { guard: and(['isAnswer', 'isStale']), target: '#starting' },
          { guard: 'isAnswer', target: 'resting' },
        ],
      },
    },
    resting: { after: { quickHeartbeat: 'beating' } },
  },
  on: { shutdown: 'shuttingDown' },
})

const running = brokerLifecycleSetup.createStateConfig({
  id: 'running',
  tags: ['registered', 'unfenced'],
  initial: 'resting',
  states: {
    beating: {
      entry: [...beat(false)],
      on: {
        BrokerHeartbeat: { guard: 'isAnswer', target: 'resting' },
        heartbeatFailed: [
          { guard: and(['isAnswer', 'isStale']), target: '#starting' },
          { guard: 'isAnswer', target: 'retrying' },
        ],
        newsForController: { target: 'beating', reenter: true },
      },
    },
    resting: {
      after: { heartbeatInterval: 'beating' },
      on: { newsForController: 'beating' },
    },
    retrying: { after: { heartbeatRetry: 'beating' } },
  },
  on: { shutdown: { target: 'pendingControlledShutdown', actions: 'keepDeadline' } },
})

const pendingControlledShutdown = brokerLifecycleSetup.createStateConfig({
  description: 'Asks until the controller has moved what it leads and lets it go.',
  tags: ['registered', 'unfenced', 'stopping'],
  initial: 'beating',
  states: {
    beating: {
      entry: [...beat(true)],
      on: {
        BrokerHeartbeat: [
          { guard: and(['isAnswer', 'shouldShutDown']), target: '#shuttingDown' },
          { guard: 'isAnswer', target: 'resting' },
        ],
        heartbeatFailed: [
          {
            guard: and(['isAnswer', 'isStale']),
            target: '#shuttingDown',
            description: 'Not registered any more: it leads nothing.',
          },
          {
            guard: and(['isAnswer', not('isStale')]),
            target: '#shuttingDown',
            description: 'No controller is left to hand over to: all were told to stop.',
          },
        ],
      },
    },
    resting: { after: { handOverHeartbeat: 'beating' } },
  },
  after: { controlledShutdownDeadline: 'shuttingDown' },
  on: { shutdown: { description: 'Asked twice; the first deadline stands.' } },
})

export const brokerLifecycle = brokerLifecycleSetup.createMachine({
  id: 'brokerLifecycle',
  initial: 'starting',
  context: ({ input }) => ({ ...input, brokerEpoch: -1, sent: 0, ready: false, deadlineMs: 0 }),
  states: {
    starting: { id: 'starting', ...starting },
    recovery,
    running,
    pendingControlledShutdown,
    shuttingDown: { id: 'shuttingDown', type: 'final', tags: 'stopping' },
  },
  on: {
    readyToUnfence: { actions: 'markReady' },
    newsForController: { description: 'The next heartbeat is near anyway.' },
    BrokerHeartbeat: late,
    heartbeatFailed: late,
    '*': { actions: 'unexpected' },
  },
})
