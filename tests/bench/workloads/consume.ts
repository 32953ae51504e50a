/** Reading, and reading what was just written. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { load } from '../load.ts'
import type { Aims, OnCluster } from './workload.ts'

type Read = {
  name: string
  title: string
  records: number
  consumers: number
  size: number
  aims: Aims
  /** Nothing of it is in memory when it is read. */
  isFromDisk?: true
}

const fromMemory: Aims = {
  'embedded warm': { throughput: 1.2 },
  'processes warm': { throughput: 1 },
  'embedded cold': { throughput: 1.5 },
  'processes cold': { throughput: 1.5 },
}
const fromDisk: Aims = {
  'embedded warm': { throughput: 1 },
  'processes warm': { throughput: 1 },
  'embedded cold': { throughput: 1 },
  'processes cold': { throughput: 1 },
}

const reading = ({ name, title, records, consumers, size, aims, isFromDisk }: Read): OnCluster => ({
  kind: 'cluster',
  name,
  title,
  aims,
  heats: ['cold', 'warm'],
  ...(isFromDisk ? { isWarmAnyway: true } : {}),
  partitions: 6,
  async prepare({ cluster, topic, scale }) {
    await load(cluster.bootstrap, 'produce', { t: topic, n: Math.round(records * scale), s: size })
    if (isFromDisk) dropPageCache()
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

/** @throws where the system does not permit it */
function dropPageCache(): void {
  spawnSync('sync')
  try {
    writeFileSync('/proc/sys/vm/drop_caches', '3')
  } catch (cause) {
    throw new Error('consume-disk empties the page cache of Linux: run it as root', { cause })
  }
}

export const consumeWorkloads: OnCluster[] = [
  reading({
    name: 'consume-1',
    title: 'consume 100 B from the page cache, 1 consumer',
    records: 3_000_000,
    consumers: 1,
    size: 100,
    aims: fromMemory,
  }),
  {
    ...reading({
      name: 'consume-6',
      title: 'consume 1 KiB from the page cache, 6 consumers',
      records: 1_000_000,
      consumers: 6,
      size: 1_024,
      aims: fromMemory,
    }),
    isQuick: true,
  },
  // Where memory is larger than the disk has room for, what was written is dropped from it instead.
  reading({
    name: 'consume-disk',
    title: 'consume 1.2 GB (3.7 GB with its copies) of 1 KiB, none of it in memory, 1 consumer',
    records: 1_200_000,
    consumers: 1,
    size: 1_024,
    aims: fromDisk,
    isFromDisk: true,
  }),
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
]
