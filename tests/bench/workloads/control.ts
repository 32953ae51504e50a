/**
 * Topics made and deleted, nodes started, killed and stopped, and a cluster at rest.
 *
 * The gaps after kill -9 compare our probe with Kafka's timeouts: both sides run with their defaults.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds, residentMb } from '../gauge.ts'
import { load } from '../load.ts'
import type { Cluster } from '../systems/system.ts'
import type { Measures, OnCluster, OnSystem, Workload } from './workload.ts'

const thousand: OnCluster = {
  kind: 'cluster',
  name: 'topic-1000',
  title: 'create a topic of 1,000 partitions with 3 replicas; delete it',
  aims: {
    'embedded warm': { create: 0.1, delete: 0.1 },
    'processes warm': { create: 0.2, delete: 0.2 },
    'embedded cold': { create: 0.1, delete: 0.1 },
    'processes cold': { create: 0.1, delete: 0.1 },
  },
  heats: ['cold', 'warm'],
  partitions: 1,
  async measure({ cluster, topic, scale, used }) {
    const p = Math.max(10, Math.round(1_000 * scale))
    const { answer: made, cpu } = await used(() =>
      load(cluster.bootstrap, 'create', { t: `${topic}-wide`, p }),
    )
    const gone = await load(cluster.bootstrap, 'delete', { t: `${topic}-wide` })
    return { create: made['ms']! / 1e3, delete: gone['ms']! / 1e3, cpuSeconds: cpu }
  },
}

/** Seconds from `begin` until a client has written a record. */
async function untilWritten(cluster: Cluster, beganAt: number): Promise<number> {
  await load(cluster.bootstrap, 'first', { t: 'first' })
  return (performance.now() - beganAt) / 1e3
}

const starting = (
  name: string,
  title: string,
  measure: OnSystem['measure'],
  isQuick?: true,
): OnSystem => ({
  kind: 'system',
  name,
  title,
  ...(isQuick ? { isQuick } : {}),
  aims: { 'embedded warm': { time: 0.08 }, 'processes warm': { time: 0.15 } },
  measure,
})

async function withCluster(
  { system, folder }: Parameters<OnSystem['measure']>[0],
  work: (cluster: Cluster, beganAt: number) => Promise<Measures>,
): Promise<Measures> {
  const beganAt = performance.now()
  const cluster = await system.create(join(folder, 'nodes'))
  try {
    return await work(cluster, beganAt)
  } finally {
    await cluster.close()
  }
}

const startFresh = starting(
  'start-fresh',
  'start three nodes, format included, until a client has written',
  (given) =>
    withCluster(given, async (cluster, beganAt) => ({
      time: await untilWritten(cluster, beganAt),
    })),
  true,
)

const fill = (cluster: Cluster, scale: number) =>
  load(cluster.bootstrap, 'create', { t: 'data', p: 6 }).then(() =>
    load(cluster.bootstrap, 'produce', {
      t: 'data',
      n: Math.max(1_000, Math.round(650_000 * scale)),
      s: 1_024,
    }),
  )

const startAfterStop = starting(
  'start-2gb',
  'start three nodes that stopped with 2 GB of data, until a client has written',
  (given) =>
    withCluster(given, async (cluster, beganAt) => {
      await untilWritten(cluster, beganAt)
      await fill(cluster, given.scale)
      await cluster.stopAll()
      const again = performance.now()
      await cluster.start()
      return { time: await untilWritten(cluster, again) }
    }),
)

const startAfterKill = starting(
  'start-after-kill',
  'start three nodes that were killed with 2 GB of data, until a client has written',
  (given) =>
    withCluster(given, async (cluster, beganAt) => {
      await untilWritten(cluster, beganAt)
      await fill(cluster, given.scale)
      await cluster.killAll()
      const again = performance.now()
      await cluster.start()
      return { time: await untilWritten(cluster, again) }
    }),
)

/** Something happens to a node three seconds into a load; the load's longest gap is what it cost. */
const interrupted = (
  name: string,
  title: string,
  aims: { embedded: number; processes: number },
  command: 'gap' | 'topics',
  what: (cluster: Cluster, told: { leader: number; controller: number }) => Promise<number>,
  isQuick?: true,
): OnCluster => ({
  kind: 'cluster',
  name,
  title,
  ...(isQuick ? { isQuick } : {}),
  aims: { 'embedded warm': { gap: aims.embedded }, 'processes warm': { gap: aims.processes } },
  heats: ['warm'],
  isWarmAnyway: true,
  partitions: 1,
  async measure({ cluster, topic, scale }) {
    const { bootstrap } = cluster
    const told = await load(bootstrap, 'leader', { t: topic })
    // Kafka takes nine seconds for what it takes longest for.
    const seconds = Math.max(6, Math.round(16 * scale))
    const working = load(bootstrap, command, { t: topic, seconds, linger: 0 })
    await sleep(3_000)
    const node = await what(cluster, { leader: told['leader']!, controller: told['controller']! })
    const answer = await working
    await cluster.restart(node)
    await load(bootstrap, 'healthy', { t: topic })
    return { gap: answer['gap']! / 1e3 }
  },
})

const killLeader = interrupted(
  'kill-leader',
  'kill -9 of a partition’s leader: the longest time without an acknowledged write',
  { embedded: 0.08, processes: 0.1 },
  'gap',
  async (cluster, { leader }) => {
    await cluster.kill(leader)
    return leader
  },
  true,
)

const stopLeader = interrupted(
  'stop-leader',
  'clean stop of a partition’s leader: the longest time without an acknowledged write',
  { embedded: 0.1, processes: 0.15 },
  'gap',
  async (cluster, { leader }) => {
    await cluster.stop(leader)
    return leader
  },
)

const killController = interrupted(
  'kill-controller',
  'kill -9 of the active controller: the longest time without a created topic',
  { embedded: 0.15, processes: 0.2 },
  'topics',
  async (cluster, { controller }) => {
    await cluster.kill(controller)
    return controller
  },
)

const atRest: OnSystem = {
  kind: 'system',
  name: 'rest',
  title: 'at rest, after a topic was made and a record written',
  isQuick: true,
  aims: {
    'embedded warm': { memory: 0.12, load: 0.2 },
    'processes warm': { memory: 0.3, load: 0.5 },
  },
  measure: (given) =>
    withCluster(given, async (cluster, beganAt) => {
      await untilWritten(cluster, beganAt)
      await sleep(10_000 * given.scale)
      const before = cpuSeconds(cluster.pids())
      const seconds = Math.max(2, 30 * given.scale)
      await sleep(seconds * 1_000)
      const pids = cluster.pids()
      return {
        memory: residentMb(pids),
        load: ((cpuSeconds(pids) - before) / seconds) * 100,
      }
    }),
}

export const controlWorkloads: Workload[] = [
  thousand,
  startFresh,
  startAfterStop,
  startAfterKill,
  killLeader,
  stopLeader,
  killController,
  atRest,
]
