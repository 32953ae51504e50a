/** One simulated world: cluster, clock, checker and trace, and how to let time pass in it. */
import { type Checker, createChecker } from './checker.ts'
import { type Cleanup, cleanupFor } from './cleanup.ts'
import { type Client, createClient } from './client.ts'
import { createCluster, type SimCluster } from './cluster.ts'
import { createFaults, type Faults } from './faults.ts'
import { type SeededRandom, seededRandom } from './random.ts'
import { createMachine, createScheduler, type Scheduler } from './scheduler.ts'
import type { Script, Workload } from './script.ts'
import { createTrace, type Trace, type TraceEvent } from './trace.ts'
import { must, Violation } from './violation.ts'

export type World = {
  scheduler: Scheduler
  random: SeededRandom
  trace: Trace
  cluster: SimCluster
  checker: Checker
  faults: Faults
  client(name: string): Client
  /** A violation that was found outside a step. */
  fail(why: unknown): void
  failure(): unknown
  /** Lets time pass; throws what was found meanwhile. */
  pass(ms: number): Promise<void>
  /** Lets time pass until it holds. @throws Violation of this rule when it does not by then */
  until(
    rule: string,
    words: string,
    ms: number,
    holds: () => boolean,
    details?: () => object,
  ): Promise<void>
}

const sometimesMs = 500
/** message.max.bytes */
const messageBytesMax = 1_048_588
const lookMs = 50

export function createWorld(
  script: Script,
  onTrace: ((event: TraceEvent) => void) | undefined,
): World {
  const random = seededRandom(script.seed)
  const scheduler = createScheduler()
  const trace = createTrace(scheduler.now, scheduler.steps, onTrace)
  let failure: unknown
  const fail = (why: unknown) => {
    failure ??= why
  }
  const cluster = createCluster(script.shape, {
    scheduler,
    random,
    trace,
    onStarting: (node, parts) => checker.starting(node, parts),
    onFailure(node, why) {
      trace.note('node failed', { node: node.id, why: String(why) })
      fail(why)
    },
  })
  const checker: Checker = createChecker(cluster, {
    minIsrOf: (topic) => minIsrOf(script, topic),
    bytesMaxOf: (log) =>
      log.startsWith('__')
        ? Number.MAX_SAFE_INTEGER
        : Number(script.shape.config['message.max.bytes'] ?? messageBytesMax),
    cleanupOf: cleanups(script.workload),
    lagMsMax: Number(script.shape.config['replica.lag.time.max.ms'] ?? 30_000),
    intervalBytes: Number(script.shape.config['log.index.interval.bytes'] ?? 4_096),
    nowMs: scheduler.now,
  })
  const addresses = cluster.nodes.filter(({ isBroker }) => isBroker).map(({ address }) => address)
  const machine = createMachine(scheduler, trace.detail)
  const client = (name: string): Client => {
    const { sockets } = cluster
    return createClient({ name, sockets, machine, random: random.fork(name), addresses })
  }
  const faults = createFaults({ scheduler, trace, cluster, checker, client, fail })
  cluster.network.onViolation = fail
  cluster.network.onChangedInFlight = (api) =>
    fail(new Violation('S12', 'no buffer is changed while in flight', { api }))
  cluster.sockets.onChangedInFlight = () =>
    fail(new Violation('S12', 'no buffer is changed while in flight', { to: 'a client' }))
  let nextSometimes = 0
  scheduler.onStep(() => {
    checker.step()
    if (scheduler.now() < nextSometimes) return
    nextSometimes = scheduler.now() + sometimesMs
    checker.sometimes()
  })
  return {
    scheduler,
    random,
    trace,
    cluster,
    checker,
    faults,
    fail,
    failure: () => failure,
    client,
    async pass(ms) {
      await scheduler.run(() => failure !== undefined, ms)
      if (failure !== undefined) throw failure
    },
    async until(rule, words, ms, holds, details = () => ({ states: statesOf(cluster) })) {
      let next = 0
      const isThere = () => {
        if (failure !== undefined) return true
        if (scheduler.now() < next) return false
        next = scheduler.now() + lookMs
        return holds()
      }
      const found = await scheduler.run(isThere, ms)
      if (failure !== undefined) throw failure
      must(found || holds(), rule, words, details)
    },
  }
}

function cleanups({ topics }: Workload): (topic: string) => Cleanup {
  const known = new Map(topics.map((topic) => [topic.name, cleanupFor(topic)]))
  return (topic) => known.get(topic) ?? 'keeps'
}

function minIsrOf({ shape, workload }: Script, topic: string): number {
  const name = 'min.insync.replicas'
  const own = workload.topics.find((each) => each.name === topic)?.configs[name]
  return Number(own ?? shape.config[name] ?? 1)
}

/** What the nodes believe. */
export const statesOf = ({ nodes }: SimCluster) =>
  nodes.map(({ id, parts, end }) => ({
    id,
    runs: end !== undefined,
    broker: parts?.broker?.state(),
    leader: parts?.quorum.leaderAndEpoch(),
    offset: parts?.loader.image().offset,
    partitions: [...(parts?.loader.image().topics() ?? [])].flatMap((topic) =>
      Array.from({ length: topic.partitionCount() }, (_, index) => {
        const { leader, isr, leaderEpoch } = topic.partition(index)!
        return `${topic.name}-${index}: ${leader}@${leaderEpoch} of ${isr.join()}`
      }),
    ),
  }))

export const isReady = ({ nodes }: SimCluster): boolean =>
  nodes.every(
    ({ parts, isBroker }) =>
      parts !== undefined &&
      parts.quorum.leaderAndEpoch().leaderId >= 0 &&
      (!isBroker || parts.broker?.state() === 'running'),
  )

export function isHealthy({ nodes }: SimCluster): boolean {
  return nodes.every(({ parts }) => {
    if (parts === undefined) return false
    for (const topic of parts.loader.image().topics()) {
      for (let index = 0; index < topic.partitionCount(); index++) {
        const { leader, isr, replicas } = topic.partition(index)!
        if (leader < 0 || isr.length < replicas.length) return false
      }
    }
    return true
  })
}

export const haveEqualImages = ({ nodes }: SimCluster): boolean =>
  new Set(nodes.map(({ parts }) => parts!.loader.image().offset)).size === 1
