/** Writing, as fast as it goes and at fixed rates. */
import { load } from '../load.ts'
import type { Aims, Bench, Heat, Measures, OnCluster } from './workload.ts'

type Fast = {
  name: string
  title: string
  records: number
  flags: Record<string, string | number>
  partitions?: number
  aims: Aims
  isQuick?: true
  heats?: Heat[]
  isWarmAnyway?: true
  properties?: OnCluster['properties']
}

const throughputAims = (embedded: number, processes: number, cold: number): Aims => ({
  'embedded warm': { throughput: embedded, cpu: 0.3 },
  'processes warm': { throughput: processes, cpu: 0.8 },
  'embedded cold': { throughput: cold, cpu: 0.25 },
  'processes cold': { throughput: cold, cpu: 0.25 },
})

async function fast({ cluster, topic, scale, used }: Bench, { records, flags }: Fast) {
  const n = Math.max(1_000, Math.round(records * scale))
  const { answer, cpu, peak } = await used(() =>
    load(cluster.bootstrap, 'produce', { ...flags, t: topic, n }),
  )
  return {
    throughput: answer['perSecond']! / 1e3,
    cpu: (cpu / n) * 1e6,
    p50: answer['p50']!,
    p99: answer['p99']!,
    p999: answer['p999']!,
    peak,
    clientCpu: answer.clientCpu,
  } satisfies Measures
}

const asFast = (one: Fast): OnCluster => ({
  kind: 'cluster',
  name: one.name,
  title: one.title,
  aims: one.aims,
  heats: one.heats ?? ['cold', 'warm'],
  ...(one.properties ? { properties: one.properties } : {}),
  ...(one.isWarmAnyway ? { isWarmAnyway: true } : {}),
  ...(one.isQuick ? { isQuick: true } : {}),
  partitions: one.partitions ?? 6,
  measure: (bench) => fast(bench, one),
})

const atRate = (rate: number): OnCluster => ({
  kind: 'cluster',
  name: `rate-${rate}`,
  title: `produce 100 B at ${rate.toLocaleString('en')} records/s, linger 0`,
  ...(rate === 4_000 ? { isQuick: true } : {}),
  aims: {
    'embedded warm': { p50: 0.8, p99: 0.5, cpu: 0.5 },
    'processes warm': { p50: 1, p99: 0.8, cpu: 0.8 },
    'embedded cold': { p50: 0.6, p99: 0.3, cpu: 0.4 },
    'processes cold': { p50: 0.6, p99: 0.3, cpu: 0.4 },
  },
  heats: ['cold', 'warm'],
  partitions: 6,
  async measure({ cluster, topic, scale, used }) {
    const n = Math.max(500, Math.round(rate * 10 * scale))
    const { answer, cpu } = await used(() =>
      load(cluster.bootstrap, 'produce', { t: topic, n, s: 100, rate, linger: 0 }),
    )
    const { p50, p99, p999, clientCpu } = answer as Record<string, number>
    return { p50: p50!, p99: p99!, p999: p999!, cpu: (cpu / n) * 1e6, clientCpu: clientCpu! }
  },
})

export const produceWorkloads: OnCluster[] = [
  asFast({
    name: 'produce-100',
    title: 'produce 100 B, 6 partitions, batches of 64 KiB',
    records: 3_000_000,
    flags: { s: 100 },
    aims: throughputAims(2, 1, 4),
    isQuick: true,
  }),
  asFast({
    name: 'produce-1k',
    title: 'produce 1 KiB',
    records: 500_000,
    flags: { s: 1_024 },
    aims: throughputAims(2, 1, 3),
    isQuick: true,
  }),
  asFast({
    name: 'produce-10k',
    title: 'produce 10 KiB',
    records: 50_000,
    flags: { s: 10_240 },
    aims: throughputAims(2, 1, 3),
  }),
  asFast({
    name: 'produce-1k-lz4',
    title: 'produce 1 KiB, lz4',
    records: 500_000,
    flags: { s: 1_024, codec: 'lz4' },
    aims: throughputAims(2, 1, 3),
  }),
  asFast({
    name: 'produce-1k-zstd',
    title: 'produce 1 KiB, zstd',
    records: 500_000,
    flags: { s: 1_024, codec: 'zstd' },
    aims: throughputAims(2, 1, 3),
  }),
  asFast({
    name: 'produce-disk',
    title: 'produce 1 KiB for minutes, where the disk is the limit',
    records: 12_000_000,
    flags: { s: 1_024 },
    heats: ['warm'],
    isWarmAnyway: true,
    aims: {
      'embedded warm': { throughput: 1, cpu: 0.3 },
      'processes warm': { throughput: 1, cpu: 0.8 },
    },
  }),
  asFast({
    name: 'produce-1000-partitions',
    title: 'produce 100 B to 1,000 partitions, small batches, 20 producers',
    records: 1_000_000,
    flags: { s: 100, producers: 20, batch: 4_096 },
    partitions: 1_000,
    aims: {
      'embedded warm': { throughput: 1.2 },
      'processes warm': { throughput: 0.9 },
      'embedded cold': { throughput: 2 },
      'processes cold': { throughput: 2 },
    },
  }),
  asFast({
    name: 'produce-100-fsync',
    title:
      'produce 100 B, batches of 64 KiB: Samsa with flush.messages=1, synced by each of the ISR ' +
      'before it is acknowledged; Kafka by its default, which is not',
    records: 3_000_000,
    flags: { s: 100 },
    heats: ['warm'],
    properties: { Samsa: { 'log.flush.interval.messages': '1' } },
    aims: { 'embedded warm': { throughput: 1 } },
  }),
  atRate(1_000),
  atRate(4_000),
  atRate(10_000),
]
