/**
 * One history: a cluster, its clients and its faults, under one scheduler. First things go wrong and
 * nothing may become wrong (safety); then all is healed, and everything must come right in time.
 */
import { type DrawOptions, drawScript } from './draw.ts'
import { areMoved } from './reassignment-checker.ts'
import type { Action, Fault, Operation, Script } from './script.ts'
import type { TraceEvent } from './trace.ts'
import type { MessageFault } from './ways.ts'
import { type Clients, createClients } from './workload.ts'
import { createWorld, haveEqualImages, isHealthy, isReady, statesOf, type World } from './world.ts'

export type SimulationOptions = DrawOptions & { onTrace?: (event: TraceEvent) => void }

export type Summary = {
  seed: number
  hash: string
  simulatedMs: number
  steps: number
  elections: number
  isrChanges: number
  metadataEnd: number
  ackedRecords: number
  unknownRecords: number
  consumedRecords: number
  faults: Record<string, number>
  /** Messages that chance lost, repeated or stalled. */
  messages: Record<MessageFault, number>
}

export type Failure = {
  why: Error
  recent: TraceEvent[]
  /** What the nodes believed. */
  states: object
  /** Since things began to go wrong, ms. */
  atMs: number
}

export type Result = Summary & { failure?: Failure }

/** Bounds of the second phase, ms (L rules): several times what the configuration promises. */
const bounds = {
  leaderMs: 60_000,
  replicasMs: 120_000,
  produceMs: 60_000,
  readMs: 60_000,
  lagMs: 2_000,
  restMs: 5_000,
  stopMs: 30_000,
}

export const simulate = (options: SimulationOptions): Promise<Result> =>
  play(drawScript(options), options.onTrace)

/** The history of a script, whoever wrote it. */
export function play(script: Script, onTrace?: (event: TraceEvent) => void): Promise<Result> {
  const world = createWorld(script, onTrace)
  let begunAt = 0
  return settle(
    script,
    world,
    () => begunAt,
    async () => {
      const clients = await prepare(world, script)
      begunAt = world.scheduler.now()
      await goWrong(world, clients, script)
      await comeRight(world, clients)
      await comeToRest(world, clients)
      await stopAll(world)
    },
  )
}

/** Tells a story to its end, or to where it failed, and stops what ran. */
export async function settle(
  { seed }: Script,
  world: World,
  begunAt: () => number,
  story: () => Promise<void>,
): Promise<Result> {
  const { scheduler, trace, cluster, checker } = world
  const summary = (): Summary => ({
    seed,
    hash: trace.hash(),
    simulatedMs: Math.round(scheduler.now()),
    steps: scheduler.steps(),
    elections: checker.quorum.elections(),
    isrChanges: checker.partitions.isrChanges(),
    metadataEnd: checker.quorum.committedEnd(),
    ackedRecords: checker.partitions.ackedRecords(),
    unknownRecords: checker.partitions.unknownRecords(),
    consumedRecords: checker.partitions.consumedRecords(),
    faults: Object.fromEntries(world.faults.injected()),
    messages: { ...cluster.network.struck },
  })
  const onRejection = (why: unknown) => world.fail(why)
  process.on('unhandledRejection', onRejection)
  try {
    await story()
    return summary()
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown : new Error(String(thrown))
    const atMs = Math.round(scheduler.now() - begunAt())
    const failure = { why, recent: trace.recent(), states: statesOf(cluster), atMs }
    return { ...summary(), failure }
  } finally {
    for (const node of cluster.nodes) if (node.end !== undefined) cluster.kill(node)
    process.off('unhandledRejection', onRejection)
  }
}

/** The cluster runs, and its topics are there. */
export async function prepare(world: World, { workload }: Script): Promise<Clients> {
  const { cluster, trace, until } = world
  for (const node of cluster.nodes) cluster.start(node)
  await until('L1', 'the cluster starts', bounds.leaderMs, () => isReady(cluster))
  const clients = createClients(world, workload)
  await until('L2', 'topics can be created', bounds.leaderMs, clients.isReady)
  trace.note('workload', {
    ...workload,
    nodes: cluster.nodes.map(({ isBroker, isController }) => ({ isBroker, isController })),
  })
  clients.begin()
  return clients
}

async function goWrong(world: World, clients: Clients, script: Script): Promise<void> {
  const { scheduler, faults } = world
  const tasks = script.actions.map((action) =>
    scheduler.after(action.at, () => perform(world, clients, action)),
  )
  faults.setNetwork(script.network)
  await world.pass(script.faultyMs)
  for (const task of tasks) scheduler.cancel(task)
}

const operations: readonly string[] = [
  'produce',
  'createTopic',
  'deleteTopic',
  'createPartitions',
  'alterConfig',
  'electLeader',
  'reassign',
  'deleteRecords',
  'joinGroup',
  'leaveGroup',
  'killMember',
] satisfies Operation['do'][]

export const isOperation = (action: Action): action is Operation => operations.includes(action.do)

export function perform(world: World, clients: Clients, action: Action): void {
  if (isOperation(action)) clients.perform(action)
  else world.faults.perform(action satisfies Fault)
}

/** Everything heals, and comes right in time. */
export async function comeRight(world: World, clients: Clients): Promise<void> {
  const { cluster, checker, faults, until } = world
  faults.heal()
  const restarted = () => {
    for (const node of cluster.nodes) if (node.end === undefined) cluster.start(node)
    // One that was told to stop may take its time, and has to be started again.
    return isReady(cluster) && cluster.nodes.every(({ isStopping }) => !isStopping)
  }
  await until('L1', 'all nodes run and know a leader', bounds.leaderMs, restarted)
  await until(
    'L2',
    'each partition has a leader and all replicas in its ISR',
    bounds.replicasMs,
    () => restarted() && isHealthy(cluster),
  )
  await until('P19', 'reassignments end', bounds.replicasMs, () => areMoved(cluster))
  await until('L5', 'groups settle', bounds.replicasMs, clients.areSettled)
  await until('L3', 'each operation ends', bounds.produceMs, () => clients.inFlight() === 0)
  async function probe(name: string): Promise<void> {
    const { missing } = clients.probe(name)
    const areTaken = () => missing().length === 0
    const told = () => ({ missing: missing() })
    await until('L3', 'each partition takes a record', bounds.produceMs, areTaken, told)
  }
  await probe('probe')
  await until('O11', 'all that is acknowledged is read', bounds.readMs, clients.isRead, () => ({
    positions: clients.positions(),
  }))
  await probe('late probe')
  await until('O12', 'what is acknowledged is soon read', bounds.lagMs, clients.isRead, () => ({
    positions: clients.positions(),
    ends: [...checker.partitions.ackedEnds()],
  }))
  await until('L6', 'images become equal', bounds.leaderMs, () => haveEqualImages(cluster))
  await world.pass(3_000)
  checker.sometimes()
  checker.partitions.end()
  clients.check()
}

/** Nobody wants anything any more. */
export async function comeToRest({ checker, until }: World, clients: Clients): Promise<void> {
  clients.stop()
  await until(
    'L4',
    'idle partitions reach last stable = high watermark = log end',
    bounds.restMs,
    () => checker.restless().length === 0,
    () => ({ restless: checker.restless() }),
  )
}

/** Each node is told to stop, and what is stored then is complete. */
async function stopAll({ cluster, checker, until }: World): Promise<void> {
  for (const node of cluster.nodes) cluster.stop(node)
  const areStopped = () => cluster.nodes.every(({ end }) => end === undefined)
  await until('L1', 'all nodes stop when they are told to', bounds.stopMs, areStopped)
  checker.stopped()
}
