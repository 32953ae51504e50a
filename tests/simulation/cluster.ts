/**
 * The simulated cluster: production nodes, whole, on simulated machines. A machine outlives its
 * node: it keeps the disk, and the node on it may crash, start again, or stand still.
 */
import type { Logger } from '../../actors/log.ts'
import type { MetadataImage } from '../../actors/metadata/image.ts'
import { nodeConfig } from '../../runtime/config/config.ts'
import { UserError } from '../../runtime/config/user-error.ts'
import {
  BOOTSTRAP_CHECKPOINT,
  encodeBootstrap,
  encodeVoters,
  VOTERS_CHECKPOINT,
} from '../../runtime/format/checkpoints.ts'
import { bootstrapRecords } from '../../runtime/format/features.ts'
import { voterOf } from '../../runtime/format/voters.ts'
import { beginLife, mortalClock, mortalDisk } from '../../runtime/mortal.ts'
import { type NodeParts, type RunningNode, startNode } from '../../runtime/node.ts'
import { writeMetaProperties } from '../../runtime/storage/meta-properties.ts'
import { replaceFile } from '../../runtime/storage/small-files.ts'
import { createDisk, type SimDisk } from './disk.ts'
import { createNatsNetwork } from './nats-network.ts'
import { createNetwork, type SimNetwork } from './network.ts'
import type { SeededRandom } from './random.ts'
import { createMachine, type Machine, type Scheduler } from './scheduler.ts'
import { createSockets, type SimSockets } from './sockets.ts'
import type { Trace } from './trace.ts'
import { tracedCharts } from './traced-charts.ts'
import { tracedDisk } from './traced-disk.ts'
import { must, Violation } from './violation.ts'

export type SimNode = {
  readonly id: number
  readonly isBroker: boolean
  readonly isController: boolean
  readonly address: string
  readonly machine: Machine
  readonly disk: SimDisk
  /** Its first log directory, where the metadata log lies, too. */
  readonly directory: string
  /** Of its latest formatting: a wiped disk is another. */
  readonly directoryId: string
  /** `log.dirs` */
  readonly directories: readonly SimLogDirectory[]
  /** Paths of log directories that refused a call in this life, and which it has to go on without. */
  readonly offline: Set<string>
  running: RunningNode | undefined
  /** Ends it, also while it starts; undefined: nothing runs. */
  end: (() => void) | undefined
  parts: NodeParts | undefined
  /** How often it was started. */
  lives: number
  /** Its disk refused a call in this life: it has to end. */
  isStricken: boolean
  /** It starts without something that it may miss; called when it refuses, and then it may no more. */
  refused: ((why: unknown) => void) | undefined
  /** Why the latest life that ended by itself did. */
  endedBy: unknown
  /** It was told to stop in this life: it asks to be fenced. */
  isStopping: boolean
  /** Its disk lost data, and it has not registered since. */
  isSuspect: boolean
}

export type SimLogDirectory = { readonly path: string; id: string }

export type SimCluster = {
  readonly nodes: readonly SimNode[]
  readonly network: SimNetwork
  readonly sockets: SimSockets
  readonly clusterId: string
  node(id: number): SimNode
  start(node: SimNode): void
  kill(node: SimNode): void
  stop(node: SimNode): void
  /**
   * A second process of what runs already, with the same configuration and directories.
   * @returns why it does not start. @throws Violation when it does
   */
  startTwin(node: SimNode): Promise<unknown>
  /** @param chance decides what survives of that which was not synced */
  powerCut(node: SimNode, chance?: SeededRandom): void
  /**
   * Its disk is another one, formatted for the same voters: one that was a voter is none now, since a
   * voter is an id and a directory (KIP-853).
   */
  wipe(node: SimNode): void
  /** One of its log directories, not the first, is another one, formatted and empty. */
  replaceDirectory(node: SimNode, path: string): void
  /** The newest that any node ever had, also one that died since: what is committed by then. */
  newestImage(): MetadataImage | undefined
}

export type ClusterShape = {
  brokers: number
  /** 0: the brokers are controllers, too. */
  controllers: number
  /** How many log directories each broker has; absent: one. */
  directories?: number[]
  config: Record<string, string>
  /** Over the production link on a simulated server; absent: over simulated links. */
  nats?: { maxPayload: number }
}

export type ClusterPorts = {
  scheduler: Scheduler
  random: SeededRandom
  trace: Trace
  /** A node ended by itself, or could not start. */
  onFailure(node: SimNode, why: unknown): void
  /** A node is put together, and starts now. */
  onStarting(node: SimNode, parts: NodeParts): void
}

const first = '/data'
const metadataPartition = `${first}/__cluster_metadata-0`
const pathOf = (index: number) => (index === 0 ? first : `${first}-${index + 1}`)

export function createCluster(shape: ClusterShape, ports: ClusterPorts): SimCluster {
  const { scheduler, random, trace } = ports
  const chance = random.fork('network')
  const network =
    shape.nats === undefined
      ? createNetwork(scheduler, chance, trace)
      : createNatsNetwork(shape.nats.maxPayload, scheduler, chance, trace)
  const sockets = createSockets(scheduler, random.fork('sockets'), trace.detail)
  const ids = random.fork('ids')
  const clusterId = ids.uuid()
  const { brokers, controllers } = shape
  const nodes = Array.from({ length: brokers + controllers }, (_, index) => {
    const id = index + 1
    const machine = createMachine(scheduler, trace.detail, id)
    const directories = Array.from(
      { length: shape.directories?.[index] ?? 1 },
      (_, at): SimLogDirectory => ({ path: pathOf(at), id: ids.uuid() }),
    )
    const node: SimNode = {
      id,
      isBroker: id <= brokers,
      isController: controllers === 0 || id > brokers,
      address: `node-${id}:9092`,
      machine,
      disk: createDisk(machine, random.fork(`disk ${id}`)),
      directory: first,
      get directoryId() {
        return directories[0]!.id
      },
      directories,
      offline: new Set(),
      running: undefined,
      end: undefined,
      parts: undefined,
      lives: 0,
      isStricken: false,
      refused: undefined,
      endedBy: undefined,
      isStopping: false,
      isSuspect: false,
    }
    return node
  })

  const founders = nodes
    .filter(({ isController }) => isController)
    .map((node) => ({ node, directoryId: node.directoryId }))

  const configOf = ({ id, isBroker, isController, directories }: SimNode) => {
    const roles = [isBroker ? 'broker' : [], isController ? 'controller' : []].flat().join(',')
    return nodeConfig(
      new Map([
        ['process.roles', roles],
        ['node.id', String(id)],
        ['controller.listener.names', 'CONTROLLER'],
        ['log.dirs', directories.map(({ path }) => path).join()],
        ...(isBroker ? [['listeners', `PLAINTEXT://node-${id}:9092`] as const] : []),
        ...Object.entries(shape.config),
      ]),
    )
  }

  function formatDirectory({ disk, id: nodeId }: SimNode, { path, id }: SimLogDirectory): void {
    disk.mkdir(path)
    writeMetaProperties(disk, path, { clusterId, nodeId, directoryId: id })
    disk.syncDirectory('')
    disk.syncDirectory(path)
  }

  function format(node: SimNode): void {
    const { disk, directories } = node
    const nowMs = node.machine.now()
    disk.mkdir(metadataPartition)
    replaceFile(
      disk,
      first,
      BOOTSTRAP_CHECKPOINT,
      encodeBootstrap(bootstrapRecords(undefined, []), nowMs),
    )
    const content = encodeVoters(
      founders.map(({ node: voter, directoryId }) => voterOf(configOf(voter), directoryId)),
      nowMs,
    )
    replaceFile(disk, metadataPartition, VOTERS_CHECKPOINT, content)
    for (const directory of directories) formatDirectory(node, directory)
  }
  for (const node of nodes) format(node)

  function ended(node: SimNode): void {
    node.running = undefined
    node.end = undefined
    node.parts = undefined
    node.isStricken = false
    node.isStopping = false
    node.offline.clear()
    node.disk.processEnded()
  }

  /** By itself. A disk that refuses is a reason. */
  function failed(node: SimNode, isCurrent: boolean, why: unknown): void {
    const { isStricken, refused } = node
    node.endedBy = why
    if (isCurrent) ended(node)
    if (isCurrent && refused !== undefined && !isStricken) {
      node.refused = undefined
      trace.note('refused to start', { node: node.id, why: String(why) })
      refused(why)
    } else if (isCurrent && isStricken) trace.note('stopped by its disk', { node: node.id })
    else ports.onFailure(node, why)
  }

  function start(node: SimNode): void {
    const { machine, disk } = node
    const { detail } = trace
    const number = ++node.lives
    trace.note('start', { node: node.id, life: number })
    // A node that is still starting is killed from outside.
    const life = beginLife()
    let running: RunningNode | undefined
    const end = () => {
      running?.kill()
      life.end()
    }
    node.end = end
    const isCurrent = () => node.end === end
    const starting = startNode({
      node: configOf(node),
      link(self, onHandlerError) {
        const link = network.link({ clusterId, self, machine, onHandlerError })
        life.onEnd(() => void link.close())
        return link
      },
      log: loggerOf(trace, { node: node.id }),
      ...(detail && { inspect: tracedCharts(detail, node.id) }),
      world: {
        clock: mortalClock(machine, life),
        disk: mortalDisk(detail ? tracedDisk(disk, detail, node.id) : disk, life),
        random: random.fork(`node ${node.id} life ${number}`),
        openListener(of, accept) {
          const listener = sockets.listenerFor(node.id, machine)(of, accept)
          life.onEnd(() => void listener.close())
          return listener
        },
      },
      observe(parts) {
        if (!isCurrent()) return
        node.parts = parts
        ports.onStarting(node, parts)
      },
    })
    starting.then(
      (started) => {
        if (!isCurrent()) return started.kill()
        running = started
        node.running = started
        node.refused = undefined
        void started.failed.then((why) => {
          failed(node, isCurrent(), why)
        })
      },
      (why: unknown) => {
        if (!isCurrent()) return
        failed(node, true, why)
      },
    )
  }

  async function startTwin(node: SimNode): Promise<unknown> {
    const { machine, disk, id } = node
    const life = beginLife()
    let spoke: string | undefined
    const none = (what: string) => (): never => {
      spoke = what
      throw new Error(`a second process has no ${what}`)
    }
    try {
      const running = await startNode({
        node: configOf(node),
        link: none('link'),
        log: loggerOf(trace, { node: id, twin: true }),
        world: {
          clock: mortalClock(machine, life),
          disk: mortalDisk(disk, life),
          random: random.fork(`node ${id} twin`),
          openListener: none('listener'),
        },
      })
      running.kill()
    } catch (why) {
      const isRefused = spoke === undefined && why instanceof UserError
      must(isRefused, 'S13', 'one process per data directory', () => ({ id, why: String(why) }))
      return why
    } finally {
      life.end()
    }
    throw new Violation('S13', 'one process per data directory', { id })
  }

  function kill(node: SimNode): void {
    trace.note('kill', { node: node.id, life: node.lives })
    const { end } = node
    ended(node)
    end?.()
  }

  let newest: MetadataImage | undefined

  return {
    nodes,
    network,
    sockets,
    clusterId,
    node: (id) => nodes[id - 1]!,
    start,
    kill,
    startTwin,
    stop(node) {
      trace.note('stop', { node: node.id, life: node.lives })
      const { running, end } = node
      node.isStopping = running !== undefined
      void running?.stop().then(
        () => {
          if (node.end === end) ended(node)
          trace.note('stopped', { node: node.id })
        },
        (why: unknown) => {
          // One that is killed while it stops has nothing to say.
          if (node.end === end) failed(node, true, why)
        },
      )
    },
    newestImage() {
      for (const { parts } of nodes) {
        const image = parts?.loader.image()
        if (image !== undefined && image.offset > (newest?.offset ?? -1)) newest = image
      }
      return newest
    },
    wipe(node) {
      kill(node)
      node.isSuspect = node.isBroker
      node.disk.wipe()
      for (const directory of node.directories) directory.id = ids.uuid()
      format(node)
      trace.note('wipe', { node: node.id, directoryId: node.directoryId })
    },
    replaceDirectory(node, path) {
      kill(node)
      node.isSuspect = node.isBroker
      node.disk.wipe(path)
      const directory = node.directories.find((each) => each.path === path)!
      directory.id = ids.uuid()
      formatDirectory(node, directory)
      trace.note('replaceDirectory', { node: node.id, ...directory })
    },
    powerCut(node, chance = random.fork(`power ${node.id} ${node.lives}`)) {
      kill(node)
      // What the quorum counts on is synced; only a broker tells that it may have lost something.
      node.isSuspect = node.isBroker
      const { lost } = node.disk.powerCut(chance)
      trace.note('powerCut', { node: node.id, lost })
    },
  }
}

function loggerOf(trace: Trace, fields: object): Logger {
  const line = (level: string) => (more: object, message: string) =>
    trace.note(message, { level, ...fields, ...told(more) })
  return {
    debug() {},
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (more) => loggerOf(trace, { ...fields, ...more }),
  }
}

/** Errors as words; their stacks hold paths of this machine. */
const told = (fields: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? `${value.name}: ${value.message}` : value,
    ]),
  )
