/** Everybody at once: how long a record takes, and what the servers hold after a long while of it. */
import { residentMb } from '../gauge.ts'
import { load } from '../load.ts'
import type { Bench, Measures, OnCluster } from './workload.ts'

const mixedFlags = { rate: 4_000, s: 100, producers: 20, consumers: 20, linger: 0 }

async function mixed(bench: Bench, seconds: number): Promise<Measures> {
  const { cluster, topic, used } = bench
  const { answer, cpu, peak } = await used(() =>
    load(cluster.bootstrap, 'mixed', { ...mixedFlags, t: topic, seconds }, (seconds + 600) * 1_000),
  )
  const { p50, p99, p999, clientCpu } = answer as Record<string, number>
  return { p50: p50!, p99: p99!, p999: p999!, cpuSeconds: cpu, peak, clientCpu: clientCpu! }
}

/** What all servers hold in the second and in the last third of a load, on average. */
async function memoryUnder(bench: Bench, seconds: number): Promise<Measures> {
  const samples: number[] = []
  const sampling = setInterval(
    () => samples.push(residentMb(bench.cluster.pids())),
    Math.min(5_000, seconds * 50),
  )
  const { peak } = await mixed(bench, seconds).finally(() => clearInterval(sampling))
  const third = Math.floor(samples.length / 3)
  const mean = (values: number[]) => values.reduce((sum, mb) => sum + mb, 0) / values.length
  const memory = mean(samples.slice(-third))
  const growth = memory / mean(samples.slice(third, -third))
  return { memory, growth, peak: peak!, minutes: seconds / 60 }
}

export const mixedWorkloads: OnCluster[] = [
  {
    kind: 'cluster',
    name: 'mixed',
    isWarmAnyway: true,
    title: '20 producers, 20 consumers in 4 groups, 5 minutes of 4,000 records/s of 100 B',
    aims: {
      'embedded warm': { p99: 0.5, cpuSeconds: 0.5 },
      'processes warm': { p99: 0.8, cpuSeconds: 0.8 },
    },
    heats: ['warm'],
    partitions: 12,
    measure: (bench) => mixed(bench, Math.max(5, Math.round(300 * bench.scale))),
  },
  {
    kind: 'cluster',
    name: 'mixed-memory',
    isWarmAnyway: true,
    title: 'memory under the mixed load, of an hour with --hour, of ten minutes without',
    aims: { 'embedded warm': { memory: 0.15 }, 'processes warm': { memory: 0.3 } },
    heats: ['warm'],
    partitions: 12,
    measure: (bench) => {
      const seconds = bench.isHour ? 3_600 : 600
      return memoryUnder(bench, Math.max(6, Math.round(seconds * bench.scale)))
    },
  },
]
