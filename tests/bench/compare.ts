/**
 * Runs a workload on two systems in alternation, and keeps every figure.
 *
 * - cold: each run meets a cluster that was started for it;
 * - warm: both clusters run, each has done the work until its throughput no longer rises, and the one
 *   that is not measured rests;
 * - workloads that start clusters themselves run as they are.
 *
 * Before each run what the one before left behind is deleted and written back.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuSeconds, forgetPeak, peakMb } from './gauge.ts'
import { load } from './load.ts'
import type { Cluster, Form, System } from './systems/system.ts'
import type { Bench, Heat, Measures, OnCluster, OnSystem, Workload } from './workloads/workload.ts'

export type Comparison = {
  workload: string
  title: string
  form: Form
  heat: Heat | 'own'
  theirs: Measures[]
  ours: Measures[]
}

export type Plan = {
  ours: System
  theirs: System
  pairs: number
  scale: number
  isHour: boolean
  /** Warm clusters that all workloads use, one after the other; absent: new ones for each. */
  shared?: SharedClusters
  /** Hears what is going on, a line at a time. */
  told(line: string): void
}

/** Kafka's compilers need four rounds and more; a round within this of the best is no rise. */
const noRise = 1.03
const warmRounds = { least: 4, most: 12, quiet: 2 }

export async function compare(workload: Workload, heat: Heat, plan: Plan): Promise<Comparison> {
  const run =
    workload.kind === 'system'
      ? runOnSystem(workload, plan)
      : heat === 'cold'
        ? runCold(workload, plan)
        : runWarm(workload, plan)
  return {
    workload: workload.name,
    title: workload.title,
    form: plan.ours.form,
    heat: workload.kind === 'system' ? 'own' : heat,
    ...(await run),
  }
}

type Pairs = { ours: Measures[]; theirs: Measures[] }

async function alternate(
  plan: Plan,
  name: string,
  measure: (system: System, round: number) => Promise<Measures>,
): Promise<Pairs> {
  const pairs: Pairs = { ours: [], theirs: [] }
  for (let round = 0; round < plan.pairs; round++) {
    // Who begins changes, so that neither always meets what the other left.
    const order = round % 2 === 0 ? (['theirs', 'ours'] as const) : (['ours', 'theirs'] as const)
    for (const side of order) {
      writeBack()
      const measures = await measure(plan[side], round)
      pairs[side].push(measures)
      plan.told(`${name} ${round + 1}/${plan.pairs} ${plan[side].name}: ${words(measures)}`)
    }
  }
  return pairs
}

const runOnSystem = (workload: OnSystem, plan: Plan): Promise<Pairs> =>
  alternate(plan, workload.name, (system) =>
    inFolder((folder) => workload.measure({ system, folder, scale: plan.scale })),
  )

const runCold = (workload: OnCluster, plan: Plan): Promise<Pairs> =>
  alternate(plan, `${workload.name} cold`, (system, round) =>
    inFolder(async (folder) => {
      const cluster = await system.create(join(folder, 'nodes'), workload.properties?.[system.name])
      try {
        await load(cluster.bootstrap, 'first', { t: 'first' })
        return await once(workload, cluster, `bench-${round}`, plan)
      } finally {
        await cluster.close()
      }
    }),
  )

const runWarm = (workload: OnCluster, plan: Plan): Promise<Pairs> =>
  plan.shared !== undefined && workload.properties === undefined
    ? runOnWarm(workload, plan, plan.shared)
    : withClusters((clusters) => runOnWarm(workload, plan, clusters))

async function runOnWarm(workload: OnCluster, plan: Plan, clusters: SharedClusters) {
  for (const system of [plan.theirs, plan.ours]) {
    const cluster = await clusters.of(system, workload.properties?.[system.name])
    await warm(workload, system, cluster, plan)
  }
  return alternate(plan, `${workload.name} warm`, async (system, round) =>
    once(workload, await clusters.of(system), `${workload.name}-${round}`, plan),
  )
}

/** One of each system, started when it is first asked for. */
export type SharedClusters = {
  of(system: System, properties?: Record<string, string>): Promise<Cluster>
}

export const withClusters = <T>(work: (clusters: SharedClusters) => Promise<T>): Promise<T> =>
  inFolder(async (folder) => {
    const running = new Map<System, Cluster>()
    try {
      return await work({
        async of(system, properties) {
          const known = running.get(system)
          if (known !== undefined) return known
          const cluster = await system.create(join(folder, system.name), properties)
          running.set(system, cluster)
          await load(cluster.bootstrap, 'first', { t: 'first' })
          return cluster
        },
      })
    } finally {
      for (const cluster of running.values()) await cluster.close()
    }
  })

/** Work with a throughput is repeated until that no longer rises; other work, four times. */
async function warm(workload: OnCluster, system: System, cluster: Cluster, plan: Plan) {
  if (workload.isWarmAnyway) return
  let best = 0
  let quiet = 0
  for (let round = 0; round < warmRounds.most && plan.scale >= 1; round++) {
    const { throughput = 0 } = await once(workload, cluster, `${workload.name}-warm-${round}`, plan)
    plan.told(`${workload.name} warming ${system.name} ${round + 1}: ${Math.round(throughput)} k/s`)
    quiet = throughput > best * noRise ? 0 : quiet + 1
    best = Math.max(best, throughput)
    if (round + 1 >= warmRounds.least && quiet >= warmRounds.quiet) return
  }
}

async function once(workload: OnCluster, cluster: Cluster, topic: string, plan: Plan) {
  const { bootstrap } = cluster
  await load(bootstrap, 'create', { t: topic, p: workload.partitions })
  const bench: Bench = {
    cluster,
    topic,
    scale: plan.scale,
    isHour: plan.isHour,
    async used(work) {
      const pids = cluster.pids()
      forgetPeak(pids)
      const before = cpuSeconds(pids)
      const answer = await work()
      return { answer, cpu: cpuSeconds(pids) - before, peak: peakMb(pids) }
    },
  }
  await workload.prepare?.(bench)
  const measures = await workload.measure(bench)
  await load(bootstrap, 'delete', { t: topic })
  return measures
}

/** Dirty pages of one run would slow the next. */
const writeBack = () => void spawnSync('sync')

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-bench-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.on('exit', remove)
  try {
    return await work(folder)
  } finally {
    process.off('exit', remove)
    remove()
  }
}

const words = (measures: Measures): string =>
  Object.entries(measures)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`)
    .join(', ')
