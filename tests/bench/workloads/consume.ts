/** Reading, and reading what was just written. */
import { load } from '../load.ts'
import type { OnCluster } from './workload.ts'

type Read = { name: string; title: string; records: number; consumers: number; size: number }

const reading = ({ name, title, records, consumers, size }: Read): OnCluster => ({
  kind: 'cluster',
  name,
  title,
  aims: {
    'embedded warm': { throughput: 1.2 },
    'processes warm': { throughput: 1 },
    'embedded cold': { throughput: 1.5 },
    'processes cold': { throughput: 1.5 },
  },
  heats: ['cold', 'warm'],
  partitions: 6,
  async prepare({ cluster, topic, scale }) {
    await load(cluster.bootstrap, 'produce', { t: topic, n: Math.round(records * scale), s: size })
  },
  async measure({ cluster, topic, scale, used }) {
    const n = Math.round(records * scale)
    const { answer, cpu, peak } = await used(() =>
      load(cluster.bootstrap, 'consume', { t: topic, n, consumers }),
    )
    const throughput = answer['perSecond']! / 1e3
    return { throughput, cpu: (cpu / n) * 1e6, peak, clientCpu: answer.clientCpu }
  },
})

export const consumeWorkloads: OnCluster[] = [
  reading({
    name: 'consume-1',
    title: 'consume 100 B from the page cache, 1 consumer',
    records: 3_000_000,
    consumers: 1,
    size: 100,
  }),
  {
    ...reading({
      name: 'consume-6',
      title: 'consume 1 KiB from the page cache, 6 consumers',
      records: 1_000_000,
      consumers: 6,
      size: 1_024,
    }),
    isQuick: true,
  },
  {
    kind: 'cluster',
    name: 'end-to-end',
    title: 'end-to-end latency, one record of 100 B at a time',
    isQuick: true,
    aims: {
      'embedded warm': { p50: 0.6, p99: 0.5 },
      'processes warm': { p50: 0.9, p99: 0.7 },
      'embedded cold': { p50: 0.4, p99: 0.3 },
      'processes cold': { p50: 0.4, p99: 0.3 },
    },
    heats: ['cold', 'warm'],
    partitions: 1,
    async measure({ cluster, topic, scale, used }) {
      const n = Math.max(200, Math.round(5_000 * scale))
      const { answer, cpu } = await used(() =>
        load(cluster.bootstrap, 'echo', { t: topic, n, s: 100, linger: 0 }),
      )
      const { p50, p99, p999, clientCpu } = answer as Record<string, number>
      return { p50: p50!, p99: p99!, p999: p999!, cpu: (cpu / n) * 1e6, clientCpu: clientCpu! }
    },
  },
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
    async measure({ cluster, topic, scale, used }) {
      const seconds = Math.max(5, Math.round(300 * scale))
      const flags = {
        t: topic,
        seconds,
        rate: 4_000,
        s: 100,
        producers: 20,
        consumers: 20,
        linger: 0,
      }
      const { answer, cpu, peak } = await used(() => load(cluster.bootstrap, 'mixed', flags))
      const { p50, p99, p999, clientCpu } = answer as Record<string, number>
      return { p50: p50!, p99: p99!, p999: p999!, cpuSeconds: cpu, peak, clientCpu: clientCpu! }
    },
  },
]
