/**
 * A whole cluster in this process: nodes joined by the in-memory link, with real listeners and real
 * disks. What `samsa start` runs, and what tests start.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { InspectionEvent } from 'xstate'
import type { Logger } from '../actors/log.ts'
import type { Link } from '../transport/links/link.ts'
import { memoryNetwork } from '../transport/links/memory.ts'
import { systemClock } from './clock.ts'
import { claimFolder } from './cluster-folder.ts'
import { type NodeConfig, nodeConfig } from './config/config.ts'
import { UserError } from './config/user-error.ts'
import { formatNodes } from './format/format.ts'
import { silentLogger } from './logging.ts'
import { type RunningNode, startNode } from './node.ts'

export type ClusterOptions = {
  /** Brokers; without `controllers` each is a controller, too. Default 3. */
  brokers?: number
  /** Dedicated controllers; 0, the default: the brokers are combined nodes. */
  controllers?: number
  /** Kafka port of the first broker, the others follow; 0, the default: the system chooses. */
  ports?: number
  /** Keeps everything below this folder across restarts. */
  dataDir?: string
  /** A temporary folder that `close` removes: the default without `dataDir`. */
  ephemeral?: boolean
  /** For all nodes, by Kafka's names. */
  config?: Record<string, string | number | boolean>
  log?: Logger
  /** Hears what all actors do; XState's `inspect`. */
  inspect?: (event: InspectionEvent) => void
}

export type ClusterNode = {
  readonly id: number
  isRunning(): boolean
  /** As `kill -9`: nothing is flushed, nothing is said. */
  kill(): void
  /** Controlled shutdown. */
  stop(): Promise<void>
  /** Starts it again on its port, with what its disk holds. Resolves when it serves. */
  start(): Promise<void>
}

export type Cluster = {
  readonly clusterId: string
  /** `127.0.0.1:9092,...`, of all brokers, running or not. */
  readonly bootstrapServers: string
  readonly nodes: readonly ClusterNode[]
  node(id: number): ClusterNode
  /** Nodes in different groups do not hear each other; clients reach them all. */
  partition(groups: number[][]): void
  heal(): void
  /** Resolves when a node ended by itself, with the reason. */
  readonly failed: Promise<Error>
  /** Stops all nodes, and removes what was temporary. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const host = '127.0.0.1'
const startTimeoutMs = 30_000
const closeHandOverMs = 3_000

/** Small and quick, as suits tests; `config` overrides. */
const defaults = (brokers: number): Record<string, string> => ({
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '4',
  'offsets.topic.replication.factor': String(Math.min(3, brokers)),
  'default.replication.factor': String(Math.min(3, brokers)),
  'min.insync.replicas': '1',
})

type Part = { id: number; roles: string; port: number | undefined }

/** Brokers are 1 to N; dedicated controllers follow. */
function layout({ brokers = 3, controllers = 0, ports = 0 }: ClusterOptions): Part[] {
  if (!Number.isInteger(brokers) || brokers < 1 || brokers > 100) {
    throw new UserError(`${brokers} brokers: choose 1 to 100`)
  }
  if (!Number.isInteger(controllers) || controllers < 0 || controllers > 100) {
    throw new UserError(`${controllers} controllers: choose 0 to 100`)
  }
  const roles = controllers === 0 ? 'broker,controller' : 'broker'
  const port = (index: number) => (ports === 0 ? 0 : ports + index)
  return [
    ...Array.from({ length: brokers }, (_, index) => ({ id: index + 1, roles, port: port(index) })),
    ...Array.from({ length: controllers }, (_, index) => ({
      id: brokers + index + 1,
      roles: 'controller',
      port: undefined,
    })),
  ]
}

function configOf(part: Part, folder: string, options: ClusterOptions): NodeConfig {
  const { brokers = 3, config = {} } = options
  const properties = new Map<string, string>([
    ...Object.entries(defaults(brokers)),
    ['process.roles', part.roles],
    ['node.id', String(part.id)],
    ['controller.listener.names', 'CONTROLLER'],
    ['log.dirs', join(folder, `node-${part.id}`)],
    ...(part.port === undefined
      ? []
      : [['listeners', `PLAINTEXT://${host}:${part.port}`] as [string, string]]),
    ...Object.entries(config).map(([name, value]): [string, string] => [name, String(value)]),
  ])
  return nodeConfig(properties)
}

/** @throws UserError with one line that says what to do */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { log = silentLogger, inspect } = options
  const temporary = options.dataDir === undefined || options.ephemeral === true
  const parts = layout(options)
  const folder = temporary ? mkdtempSync(join(tmpdir(), 'samsa-')) : options.dataDir!
  const removeFolder = () => {
    if (temporary) rmSync(folder, { recursive: true, force: true })
  }
  const network = memoryNetwork({ clock: systemClock })
  const members: Member[] = []
  try {
    const configs = parts.map((part) => configOf(part, folder, options))
    claimFolder(folder, { brokers: options.brokers ?? 3, controllers: options.controllers ?? 0 })
    const { clusterId } = formatNodes(configs, { ignoreFormatted: true }, systemClock.now())
    let fail: (why: Error) => void = () => {}
    const failed = new Promise<Error>((resolve) => {
      fail = resolve
    })
    for (const config of configs) {
      const linkTo = (self: Link['self'], onHandlerError: (api: string, error: unknown) => void) =>
        network.link({ clusterId, self, onHandlerError })
      members.push(hostMember(config, { linkTo, log, inspect, fail }))
    }
    // All have ended, so that what failed leaves nothing of the others behind.
    const launched = await Promise.allSettled(members.map((member) => member.launch()))
    for (const launch of launched) if (launch.status === 'rejected') throw launch.reason
    await within(
      startTimeoutMs,
      Promise.all(members.map((member) => member.ready(options.brokers ?? 3))),
      failed,
    )
    return clusterOf({ clusterId, members, network, failed, temporary, removeFolder })
  } catch (why) {
    for (const member of members) member.node.kill()
    removeFolder()
    throw why
  }
}

type Member = {
  node: ClusterNode
  isController: boolean
  launch(): Promise<void>
  ready(brokers?: number): Promise<void>
  leave(handOverMs: number): Promise<void>
  stop(handOverMs?: number): Promise<void>
  address(): string | undefined
}

type MemberPorts = {
  linkTo(self: Link['self'], onHandlerError: (api: string, error: unknown) => void): Link
  log: Logger
  inspect: ClusterOptions['inspect']
  fail(why: Error): void
}

/** One node that may be killed and started again: on the port that it first got. */
function hostMember(first: NodeConfig, { linkTo, log, inspect, fail }: MemberPorts): Member {
  let config = first
  let running: RunningNode | undefined
  const id = first.nodeId

  async function launch() {
    const started = await startNode({
      node: config,
      link: linkTo,
      log: log.child({ node: id }),
      ...(inspect === undefined ? {} : { inspect }),
    })
    running = started
    started.failed.then((why) => {
      if (running === started) running = undefined
      fail(why)
    })
    config = withPorts(config, started)
  }

  async function stop(handOverMs?: number) {
    const stopping = running
    running = undefined
    await stopping?.stop(handOverMs)
  }

  return {
    isController: first.roles.controller,
    launch,
    stop,
    ready: (brokers) => running?.ready(brokers) ?? Promise.resolve(),
    leave: (handOverMs) => running?.leave(handOverMs) ?? Promise.resolve(),
    address() {
      const [listener] = config.listeners.advertisedBroker
      return listener === undefined ? undefined : `${listener.host}:${listener.port}`
    },
    node: {
      id,
      isRunning: () => running !== undefined,
      kill() {
        running?.kill()
        running = undefined
      },
      stop: () => stop(),
      async start() {
        if (running !== undefined) throw new Error(`node ${id} runs already`)
        await launch()
        await running!.ready()
      },
    },
  }
}

/** What the system chose stays: clients know the node by it. */
function withPorts(config: NodeConfig, { listeners }: RunningNode): NodeConfig {
  if (config.listeners.broker.every(({ port }) => port !== 0)) return config
  const text = listeners.map(({ name, host: at, port }) => `${name}://${at}:${port}`).join(',')
  return nodeConfig(new Map([...config.properties, ['listeners', text]]))
}

type Assembled = {
  clusterId: string
  members: Member[]
  network: ReturnType<typeof memoryNetwork>
  failed: Promise<Error>
  temporary: boolean
  removeFolder(): void
}

function clusterOf({ members, temporary, removeFolder, ...of }: Assembled): Cluster {
  const { clusterId, network, failed } = of
  const nodes = members.map(({ node }) => node)
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (temporary ? killAll(members) : stopAll(members)).then(removeFolder)
    return closing
  }
  return {
    clusterId,
    bootstrapServers: members.flatMap((member) => member.address() ?? []).join(','),
    nodes,
    node(id) {
      const found = nodes.find((node) => node.id === id)
      if (found === undefined) throw new Error(`there is no node ${id}`)
      return found
    },
    partition: (groups) => network.partition(groups),
    heal: () => network.heal(),
    failed,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** What is removed anyway need not be closed. */
async function killAll(members: Member[]): Promise<void> {
  for (const { node } of members) node.kill()
}

/** Controllers stay until the brokers have left: one that did not would be awaited at the next start. */
async function stopAll(members: Member[]): Promise<void> {
  const controllers = members.filter(({ isController }) => isController)
  const running = controllers.filter(({ node }) => node.isRunning())
  const handOverMs = running.length > controllers.length / 2 ? closeHandOverMs : 0
  await Promise.all(members.map((member) => member.leave(handOverMs)))
  await Promise.all(members.map((member) => member.stop(0)))
}

async function within(ms: number, done: Promise<unknown>, failed: Promise<Error>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the cluster was not ready within ${ms / 1_000} s`)),
      ms,
    )
  })
  const broken = failed.then((why) => {
    throw why
  })
  broken.catch(() => {})
  try {
    await Promise.race([done, late, broken])
  } finally {
    clearTimeout(timer)
  }
}
