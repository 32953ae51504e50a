/**
 * Hosts the broker lifecycle chart: sends its registrations and heartbeats over the controller
 * channel and tells the chart what came back.
 */
import { createActor, type InspectionEvent } from 'xstate'
import { type BrokerLifecycleEvent, brokerLifecycle } from '../../machines/broker-lifecycle.ts'
import { type ErrorName, errorName } from '../../transport/protocol/errors.ts'
import { BrokerRegistration } from '../../transport/schemas/62-broker-registration.ts'
import { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import type { Config } from '../config/config.ts'
import { invariant } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { BrokerEndpoint, MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogDirectory } from '../ports/log.ts'
import type { ControllerChannel } from './types.ts'

export type LifecyclePorts = {
  nodeId: number
  clusterId: string
  incarnationId: string
  clock: Clock
  config: Config
  log: Logger
  controller: ControllerChannel
  image(): MetadataImage
  /** As clients reach it; asked when it registers, so sockets listen by then. */
  endpoints(): BrokerEndpoint[]
  features: readonly { name: string; min: number; max: number }[]
  directories(): LogDirectory[]
  previousBrokerEpoch(): number
  halt(why: unknown): void
  inspect?: (event: InspectionEvent) => void
}

export type Lifecycle = {
  start(): void
  /** Resolves when the controller first unfenced this broker, or when it stops before that. */
  readonly unfenced: Promise<void>
  brokerEpoch(): number
  state(): string
  readyToUnfence(): void
  /** What the controller should hear of at once. */
  news(): void
  /** Controlled shutdown; resolves when the broker may stop, or at the deadline. */
  shutdown(deadlineMs: number): Promise<void>
  /** Everything ends, nothing is said. */
  abandon(): void
}

const REGISTRATION_VERSION = 4
const HEARTBEAT_VERSION = 1
const REGISTRATION_TIMEOUT_MS = 5_000
const LEAVING_TIMEOUT_MS = 2_000

export function hostLifecycle(ports: LifecyclePorts): Lifecycle {
  const { nodeId, clock, config, log, controller, image, halt, inspect } = ports
  let lastRefusal: ErrorName | undefined
  let resolveUnfenced: () => void
  const unfenced = new Promise<void>((resolve) => {
    resolveUnfenced = resolve
  })

  const chart = brokerLifecycle.provide({
    actions: {
      sendRegistration: ({ context }) => void register(context.sent),
      sendHeartbeat: ({ context }, wants) => void beat(context.sent, context.brokerEpoch, wants),
      unexpected: ({ event }) =>
        invariant(false, 'X1: no lifecycle event is dropped in silence', { event }),
    },
  })
  const actor = createActor(chart, {
    id: `broker ${nodeId}`,
    input: { heartbeatIntervalMs: config.int('broker.heartbeat.interval.ms') },
    clock,
    ...(inspect && { inspect }),
  })
  let before = 'starting'
  actor.subscribe({
    next: (snapshot) => {
      if (snapshot.hasTag('unfenced')) resolveUnfenced()
      const state = stateOf(snapshot.value)
      if (state !== before) log.info({ nodeId, from: before, to: state }, 'broker state')
      before = state
    },
    complete: () => resolveUnfenced(),
    error: halt,
  })

  /** What comes back after the end is nobody's any more. */
  function tell(event: BrokerLifecycleEvent) {
    if (actor.getSnapshot().status === 'active') actor.send(event)
  }

  async function register(token: number): Promise<void> {
    const directories = ports.directories().filter(({ online }) => online)
    try {
      const { errorCode, brokerEpoch } = await controller.call(
        BrokerRegistration,
        REGISTRATION_VERSION,
        {
          brokerId: nodeId,
          clusterId: ports.clusterId,
          incarnationId: ports.incarnationId,
          listeners: ports.endpoints(),
          features: ports.features.map(({ name, min, max }) => ({
            name,
            minSupportedVersion: min,
            maxSupportedVersion: max,
          })),
          rack: config.text('broker.rack'),
          isMigratingZkBroker: false,
          logDirs: directories.map(({ id }) => id),
          previousBrokerEpoch: ports.previousBrokerEpoch(),
        },
        REGISTRATION_TIMEOUT_MS,
      )
      const error = errorName(errorCode)
      if (error === 'NONE') {
        log.info({ nodeId, brokerEpoch }, 'registered')
        return tell({ type: 'BrokerRegistration', token, brokerEpoch })
      }
      if (error !== lastRefusal) log.warn({ nodeId, error }, 'registration refused; trying again')
      lastRefusal = error
    } catch (error) {
      log.info({ nodeId, err: error }, 'registration got no answer; trying again')
    }
    tell({ type: 'registrationFailed', token })
  }

  async function beat(
    token: number,
    brokerEpoch: number,
    wants: { wantFence: boolean; wantShutDown: boolean },
  ): Promise<void> {
    const offlineLogDirs = ports.directories().filter(({ online }) => !online)
    try {
      const { errorCode, isCaughtUp, isFenced, shouldShutDown } = await controller.call(
        BrokerHeartbeat,
        HEARTBEAT_VERSION,
        {
          brokerId: nodeId,
          brokerEpoch,
          currentMetadataOffset: image().offset,
          ...wants,
          offlineLogDirs: offlineLogDirs.map(({ id }) => id),
          cordonedLogDirs: null,
        },
        // Half a session, so that a controller that went silent costs none. Who leaves waits for the
        // next controller, but not for ever: the last of a cluster finds none.
        wants.wantShutDown ? LEAVING_TIMEOUT_MS : config.int('broker.session.timeout.ms') / 2,
      )
      const error = errorName(errorCode)
      if (error === 'NONE') {
        return tell({ type: 'BrokerHeartbeat', token, isCaughtUp, isFenced, shouldShutDown })
      }
      log.info({ nodeId, brokerEpoch, error }, 'heartbeat refused')
      const staleBrokerEpoch = error === 'STALE_BROKER_EPOCH'
      tell({ type: 'heartbeatFailed', token, staleBrokerEpoch })
    } catch (error) {
      log.info({ nodeId, err: error }, 'heartbeat got no answer')
      tell({ type: 'heartbeatFailed', token, staleBrokerEpoch: false })
    }
  }

  return {
    start: () => void actor.start(),
    unfenced,
    brokerEpoch: () => actor.getSnapshot().context.brokerEpoch,
    state: () => stateOf(actor.getSnapshot().value),
    readyToUnfence: () => tell({ type: 'readyToUnfence' }),
    news: () => tell({ type: 'newsForController' }),
    shutdown: (deadlineMs) =>
      new Promise((resolve) => {
        actor.subscribe({ complete: resolve, error: () => resolve() })
        if (actor.getSnapshot().status !== 'active') resolve()
        tell({ type: 'shutdown', deadlineMs })
      }),
    abandon: () => void actor.stop(),
  }
}

const stateOf = (value: string | object): string =>
  typeof value === 'string' ? value : Object.keys(value)[0]!
