/**
 * One node: its directories, link, quorum replica, controller and broker, put together as
 * `process.roles` says. In a process of its own over NATS, or beside others over the memory link.
 */
import type { InspectionEvent } from 'xstate'
import { finalizedFeatures } from '../actors/apis/18-api-versions.ts'
import { type Broker, hostBroker } from '../actors/broker/broker.ts'
import { createControllerChannel } from '../actors/broker/controller-channel.ts'
import { brokerTable } from '../actors/broker/table.ts'
import { effectiveTopicConfig } from '../actors/config/topic-config.ts'
import { watchBrokers } from '../actors/controller/broker-watch.ts'
import { type Controller, hostController } from '../actors/controller/controller.ts'
import { registerSelf } from '../actors/controller/register-self.ts'
import { controllerTable, serveController } from '../actors/controller/table.ts'
import type { ControllerHost } from '../actors/controller/types.ts'
import { createGroupCoordinator } from '../actors/group/coordinator.ts'
import type { Logger } from '../actors/log.ts'
import { createLoader, type MetadataLoader } from '../actors/metadata/loader.ts'
import { createProber } from '../actors/probe/probe.ts'
import { type HostedQuorum, hostQuorum } from '../actors/quorum/host.ts'
import type { Endpoint, Link } from '../transport/links/link.ts'
import { type NodeConfig, withDynamic } from './config/config.ts'
import { checkFormatted } from './format/check-formatted.ts'
import { readBootstrap } from './format/checkpoints.ts'
import { type BoundListener, openListeners } from './listeners.ts'
import { beginLife, mortalClock, mortalDisk } from './mortal.ts'
import { type LinkTo, linkOf } from './node-link.ts'
import { metadataLogConfig, quorumConfig } from './quorum-config.ts'
import { findQuorum } from './quorum-finder.ts'
import { openDirectories } from './storage/directories.ts'
import { openLogStore } from './storage/log-store.ts'
import { openQuorumStore } from './storage/quorum-store.ts'
import { systemWorld, type World } from './world.ts'

export type NodeOptions = {
  node: NodeConfig
  /** How it reaches the others: `nats`, or a link that the caller makes. */
  link: 'nats' | LinkTo
  log: Logger
  /** What it stands on; absent: the real world. */
  world?: World
  inspect?: (event: InspectionEvent) => void
  /** Sees the parts of the node once they are put together, before they start. */
  observe?: (parts: NodeParts) => void
}

/** What a simulation's checker looks at; nothing of it is to be changed. */
export type NodeParts = {
  endpoint: Endpoint
  quorum: HostedQuorum
  loader: MetadataLoader
  controller: Controller | undefined
  broker: Broker | undefined
}

export type RunningNode = {
  readonly nodeId: number
  /** With the ports that the system chose. */
  readonly listeners: { name: string; host: string; port: number }[]
  /**
   * Resolves when clients can use it: a broker is unfenced and knows of so many that are, itself
   * included, a controller knows who leads.
   */
  ready(brokers?: number): Promise<void>
  /** The first part of `stop`, alone: the broker leaves, the controller goes on. */
  leave(handOverMs: number): Promise<void>
  /** Controlled shutdown: hands over, for at most so long, then closes everything cleanly. */
  stop(handOverMs?: number): Promise<void>
  /** As `kill -9`. */
  kill(): void
  /** Resolves when the node ended by itself, with the reason; never rejects. */
  readonly failed: Promise<Error>
}

/** What a node supports: what it registers with, and what ApiVersions tells. */
const features = [
  { name: 'kraft.version', min: 0, max: 1 },
  { name: 'metadata.version', min: 7, max: 30 },
]
/** Kafka's broker gives up handing over after a while; a test or a Ctrl-C does not wait longer. */
const shutdownDeadlineMs = 10_000
/** The grace is longer than a client of NATS takes to reconnect (decision 15). */
const probingOver = ({ reconnectMs }: Pick<Link, 'reconnectMs'>) => ({
  intervalMs: 50,
  graceMs: 100 + reconnectMs,
  stallMs: 200,
})
const kafkaListenersDrainMs = 1_000

/** @throws UserError with one line that says what to do */
export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { node, log } = options
  const { nodeId, roles } = node
  const { random, openListener, ...world } = options.world ?? systemWorld
  const formatting = checkFormatted(node, world.disk)
  const life = beginLife()
  const clock = mortalClock(world.clock, life)
  const disk = mortalDisk(world.disk, life)
  const inspect = options.inspect === undefined ? {} : { inspect: options.inspect }

  let quorum: HostedQuorum | undefined
  let controller: Controller | undefined
  let broker: Broker | undefined
  let listeners: BoundListener[] = []
  const endings: (() => void)[] = []

  let fail: (why: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const halt = (why: unknown): void => {
    if (life.isOver()) return
    log.error({ err: why }, 'the node ends')
    kill()
    fail(why instanceof Error ? why : new Error(String(why)))
  }
  /** A node that has to end while it starts goes on with nothing. */
  const unlessHalted = <T>(step: Promise<T>): Promise<T> =>
    Promise.race([step, failed.then((why) => Promise.reject(why))])

  function kill(): void {
    if (life.isOver()) return
    tearDown()
    life.end()
  }

  /** The last that began ends first; what began while the node ended is left for a second time. */
  function tearDown(): void {
    for (const end of endings.splice(0).reverse()) end()
  }

  const directories = openDirectories({
    disk,
    logDirs: node.logDirs,
    metadataLogDir: node.metadataLogDir,
    nodeId,
    clusterId: formatting.clusterId,
  })
  directories.onFailure(({ id }, why) => {
    if (id === directories.metadata.id) halt(why)
  })
  const self: Endpoint = { nodeId, incarnationId: random.uuid() }
  const link = await linkOf(options, formatting.clusterId, self, clock, halt)
  life.onEnd(() => void link.close())

  try {
    const store = await unlessHalted(
      openQuorumStore({ directories, clock, config: metadataLogConfig(node) }),
    )
    // Where the disk names voters they are asked; addresses are for the first start of who joins.
    const isJoining = store.snapshots().length === 0 && node.staticVoters.length === 0
    const finder = findQuorum(isJoining ? node.bootstrapServers : [], { clock, log })
    life.onEnd(finder.stop)
    const prober = createProber({
      link,
      clock,
      random,
      ...probingOver(link),
      witnesses: () => others(),
      halt,
      ...inspect,
    })
    life.onEnd(prober.close)
    quorum = hostQuorum({
      clusterId: formatting.clusterId,
      self: { id: nodeId, directoryId: formatting.metadataDirectoryId },
      endpoints: node.listeners.advertisedController,
      staticVoters: node.staticVoters.map(({ id, host, port }) => ({
        id,
        endpoints: [{ name: 'CONTROLLER', host, port }],
      })),
      bootstrapIds: () => finder.ids(),
      store,
      log: store.log,
      link,
      clock,
      random,
      logger: log,
      halt,
      config: quorumConfig(node),
      prober,
      ...inspect,
    })
    endings.push(quorum.abandon)
    const leader = leaderOf(quorum)
    const loader = createLoader({ quorum, config: node.config, log, fault: halt })
    const config = withDynamic(node, () => ({
      clusterDefaults: loader.image().configs({ type: 'broker', name: '' }),
      broker: loader.image().configs({ type: 'broker', name: String(nodeId) }),
    }))
    quorum.listen(loader)
    const others = function* (): Generator<Endpoint> {
      const { brokers, controllers } = loader.image()
      for (const { id, incarnationId } of [...brokers().values(), ...controllers().values()]) {
        if (id !== nodeId) yield { nodeId: id, incarnationId }
      }
    }
    const kraftVersion = () => quorum!.rpc.replica.voterSets.kraftVersion()
    const told = {
      supportedFeatures: () =>
        features.map(({ name, min, max }) => ({ name, minVersion: min, maxVersion: max })),
      finalizedFeatures: () => finalizedFeatures(loader.image(), kraftVersion()),
    }

    let controllerHost: ControllerHost | undefined
    if (roles.controller) {
      controller = hostController({
        quorum,
        nodeId,
        incarnationId: self.incarnationId,
        clock,
        random,
        config,
        log,
        halt,
        bootstrapRecords: readBootstrap(formatting.bootstrapPath, disk),
        ...inspect,
      })
      endings.push(controller.stop)
      quorum.listen(controller)
      controllerHost = {
        ...told,
        nodeId,
        clusterId: formatting.clusterId,
        config,
        log,
        controller,
        quorum,
        image: loader.image,
        activeControllerId: () => quorum!.leaderAndEpoch().leaderId,
      }
      serveController(link, controllerHost, clock)
    }

    if (roles.broker) {
      const logs = await openLogStore({
        directories,
        clock,
        random,
        logger: log,
        configOf: (topic) =>
          effectiveTopicConfig(config, loader.image().configs({ type: 'topic', name: topic })),
      })
      broker = hostBroker({
        nodeId,
        clusterId: formatting.clusterId,
        clock,
        random,
        config,
        log,
        link,
        store: logs,
        leader,
        image: loader.image,
        endpoints: () => endpointsOf(listeners.filter(({ isController }) => !isController)),
        features,
        kraftVersion,
        groups: ({ replicas }) =>
          createGroupCoordinator({
            nodeId,
            config,
            clock,
            random,
            log,
            replicas,
            halt,
            ...inspect,
          }),
        halt,
        ...inspect,
      })
      endings.push(broker.abandon)
      loader.listen(broker.onMetadata)
    }

    options.observe?.({ endpoint: self, quorum, loader, controller, broker })
    listeners = await openListeners({
      node,
      clock,
      openListener,
      config,
      log,
      halt,
      ...inspect,
      broker: broker && { table: brokerTable, host: broker.host },
      controller: controllerHost && { table: controllerTable, host: controllerHost },
    })
    endings.push(() => {
      for (const { destroy } of listeners) destroy()
    })
    if (life.isOver()) throw await failed
    if (controller !== undefined) {
      const leaderId = () => leader.current().leaderId
      const watch = watchBrokers({ prober, controller, leaderId })
      life.onEnd(() => watch.close())
      const registration = registerSelf({
        channel: createControllerChannel({ link, clock, leader }),
        clock,
        log,
        registration: {
          controllerId: nodeId,
          incarnationId: self.incarnationId,
          listeners: endpointsOf(listeners.filter(({ isController }) => isController)),
          features: features.map(({ name, min, max }) => ({
            name,
            minSupportedVersion: min,
            maxSupportedVersion: max,
          })),
        },
      })
      loader.listen(registration.onMetadata)
      life.onEnd(registration.stop)
    }
    // A node over NATS waits for the server as long as it takes: it may start before it.
    await unlessHalted(link.connect())
    await unlessHalted(quorum.start())
    const unfenced = broker?.start() ?? Promise.resolve()
    const serving = unfenced.then(() => {
      for (const listener of listeners) listener.open()
    })
    serving.catch(() => {})
    const knowsLeader = leader.known()
    let left: Promise<void> | undefined
    const leave = (handOverMs: number): Promise<void> => {
      left ??= broker?.shutdown(handOverMs) ?? Promise.resolve()
      return left
    }

    return {
      nodeId,
      listeners: listeners.map(({ name, advertised: { host, port } }) => ({ name, host, port })),
      ready: async (brokers = 1) => {
        await Promise.all([serving, knowsLeader])
        if (broker !== undefined) await imageShows(loader, brokers)
      },
      leave,
      async stop(handOverMs = shutdownDeadlineMs) {
        if (life.isOver()) return
        const drainMs = Math.min(handOverMs, kafkaListenersDrainMs)
        await leave(handOverMs)
        await Promise.all(listeners.map(({ drain }) => drain(drainMs)))
        controller?.stop()
        await quorum!.stop()
        await store.closeCleanly()
        directories.release()
        life.end()
      },
      kill,
      failed,
    }
  } catch (why) {
    // Where it ended while it started, that is the reason; what was opened since goes, too.
    const reason = life.isOver() ? await failed : why
    kill()
    tearDown()
    throw reason
  }
}

const endpointsOf = (listeners: BoundListener[]) =>
  listeners.map(({ name, advertised: { host, port } }) => ({
    name,
    host,
    port,
    securityProtocol: 0,
  }))

/** Resolves when the image shows so many brokers that serve. */
function imageShows(loader: Pick<MetadataLoader, 'listen'>, brokers: number): Promise<void> {
  return new Promise((resolve) => {
    let done = false
    loader.listen((image) => {
      if (done) return
      const serving = [...image.brokers().values()].filter(({ fenced }) => !fenced)
      done = serving.length >= brokers
      if (done) resolve()
    })
  })
}

/** Tells who leads the quorum, and when it changes. */
function leaderOf(quorum: HostedQuorum) {
  const listeners: (() => void)[] = []
  quorum.listen({
    handleCommit() {},
    handleLoadSnapshot() {},
    handleLeaderChange() {
      for (const listener of listeners) listener()
    },
  })
  return {
    current: () => quorum.leaderAndEpoch(),
    onChange: (listener: () => void) => void listeners.push(listener),
    known: () =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (quorum.leaderAndEpoch().leaderId >= 0) resolve()
        }
        listeners.push(look)
        look()
      }),
  }
}
