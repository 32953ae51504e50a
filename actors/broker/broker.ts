/**
 * One broker: its lifecycle, its replicas and what their handlers stand on, wired to a node's link,
 * log store and metadata image.
 *
 * Sockets listen before `start`, so that nobody is told of a broker that does not (Kafka opens them
 * after the unfencing).
 */
import type { InspectionEvent } from 'xstate'
import type { Link } from '../../transport/links/link.ts'
import { finalizedFeatures } from '../apis/18-api-versions.ts'
import type { LayeredConfig } from '../config/config.ts'
import type { GroupCoordinator } from '../group/types.ts'
import type { Logger } from '../log.ts'
import type { BrokerEndpoint, MetadataImage, MetadataListener } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import type { LogStore } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import { createReplicas } from '../replica/manager.ts'
import { type ControllerLeader, createControllerChannel } from './controller-channel.ts'
import { hostLifecycle } from './lifecycle.ts'
import { createProducerIds } from './producer-ids.ts'
import { createSuccession } from './succession.ts'
import { type ListenerHost, serveFollowers } from './table.ts'
import type { BrokerHost } from './types.ts'

export type BrokerPorts = {
  nodeId: number
  clusterId: string
  clock: Clock
  random: Random
  config: LayeredConfig
  log: Logger
  /** Not connected yet; `self.incarnationId` is the broker's incarnation. */
  link: Link
  store: LogStore
  leader: ControllerLeader
  /** This node's image, as last published. */
  image(): MetadataImage
  /** How clients reach this broker, once its sockets listen. */
  endpoints(): BrokerEndpoint[]
  /** What this broker supports: told when it registers, and by ApiVersions. */
  features: readonly { name: string; min: number; max: number }[]
  /** The quorum's own feature level, which no metadata record tells. */
  kraftVersion(): number
  /** Made with the host that its handlers will get. */
  groups(host: BrokerHost): GroupCoordinator
  /** A broken invariant, or no log directory left: the node ends. */
  halt(why: unknown): void
  inspect?: (event: InspectionEvent) => void
}

export type Broker = {
  /** What the handlers of its table are given. */
  readonly host: ListenerHost
  /** Hears each published image; the first that holds this incarnation's registration makes the replicas. */
  readonly onMetadata: MetadataListener
  /** Registers, and resolves when the controller has unfenced it. Sockets listen by then. */
  start(): Promise<void>
  /** Kafka's BrokerState. */
  state(): string
  /** Hands over what it leads, then closes its logs cleanly; at the deadline in any case. */
  shutdown(deadlineMs: number): Promise<void>
  /** As kill -9: nothing is said or flushed. */
  abandon(): void
}

export function hostBroker(ports: BrokerPorts): Broker {
  const { nodeId, clusterId, clock, random, config, log, link, store, image, halt } = ports
  const inspect = ports.inspect && { inspect: ports.inspect }
  const controller = createControllerChannel({ link, clock, leader: ports.leader })
  const lifecycle = hostLifecycle({
    nodeId,
    clusterId,
    incarnationId: link.self.incarnationId,
    clock,
    config,
    log,
    controller,
    image,
    endpoints: ports.endpoints,
    features: ports.features,
    directories: () => store.directories(),
    previousBrokerEpoch: () => store.previousBrokerEpoch(),
    halt,
    ...inspect,
  })
  const { brokerEpoch } = lifecycle
  const replicas = createReplicas({
    nodeId,
    clock,
    random,
    config,
    link,
    store,
    log,
    image,
    brokerEpoch,
    controller,
    halt,
    directoryFailed: (directory) => {
      log.error({ directory: directory.path }, 'log directory is offline')
      if (store.directories().some(({ online }) => online)) lifecycle.news()
      else halt(new Error(`no log directory is left: ${directory.path} failed last`))
    },
    ...inspect,
  })
  const base = { nodeId, clusterId, config, clock, random, log, image, brokerEpoch, controller }
  // The coordinator stands on the host that it becomes part of.
  let groups: GroupCoordinator
  const host: ListenerHost = {
    ...base,
    replicas,
    producerIds: createProducerIds({ nodeId, brokerEpoch, controller }),
    activeControllerId: () => ports.leader.current().leaderId,
    succession: createSuccession({ link, clock, image }),
    get groups() {
      return groups
    },
    supportedFeatures: () =>
      ports.features.map(({ name, min, max }) => ({ name, minVersion: min, maxVersion: max })),
    finalizedFeatures: () => finalizedFeatures(image(), ports.kraftVersion()),
  }
  groups = ports.groups(host)
  serveFollowers(link, host, halt)

  let isCaughtUp = false
  let end: 'running' | 'ended' = 'running'

  return {
    host,
    onMetadata(now, delta) {
      if (end === 'ended') return
      if (!isCaughtUp) {
        // While the log is replayed from its beginning an image is of the past: what it does not
        // name yet is not gone. With this incarnation's registration all before it is there.
        const self = now.brokers().get(nodeId)
        if (self?.incarnationId !== link.self.incarnationId) return
      }
      const told = isCaughtUp ? delta : { ...delta, fromSnapshot: true }
      const isFirst = !isCaughtUp
      isCaughtUp = true
      replicas.onMetadata(now, told, () => {
        groups.onMetadata(now, told)
        // Before it may be elected for what it lost, or found to be spoiled.
        if (isFirst) replicas.whenDirectoriesTold(() => lifecycle.readyToUnfence())
      })
    },
    start() {
      replicas.start()
      lifecycle.start()
      return lifecycle.unfenced
    },
    state: lifecycle.state,
    async shutdown(deadlineMs) {
      if (deadlineMs > 0) await lifecycle.shutdown(deadlineMs)
      else lifecycle.abandon()
      if (end === 'ended') return
      end = 'ended'
      groups.stop()
      const highWatermarks = [...replicas.highWatermarks()]
      replicas.stop()
      await store.closeCleanly(brokerEpoch(), highWatermarks)
    },
    abandon() {
      end = 'ended'
      lifecycle.abandon()
      replicas.abandon()
      groups.abandon()
      store.abandon()
    },
  }
}

/** metadata.version and the others; kraft.version is the quorum's own. */
