/**
 * Kafka's Java clients, by Kafka's own tools. The client is often the limit here: it starts a JVM of
 * its own for each run, on the same cores.
 */
import { javaClient, numberIn } from '../java-client.ts'
import { load } from '../load.ts'
import type { Bench, OnCluster } from './workload.ts'

const count = (records: number, { scale }: Bench): number =>
  Math.max(1_000, Math.round(records * scale))

export const javaClientWorkloads: OnCluster[] = [
  {
    kind: 'cluster',
    name: 'java-produce',
    title: 'ProducerPerformance, 1 KiB, batches of 64 KiB',
    heats: ['warm'],
    partitions: 6,
    aims: {},
    async measure(bench) {
      const { cluster, topic, used } = bench
      const n = count(500_000, bench)
      const { answer, cpu, peak } = await used(() =>
        javaClient('ProducerPerformance', [
          ...['--bootstrap-server', cluster.bootstrap, '--topic', topic],
          ...['--num-records', String(n), '--record-size', '1024', '--throughput', '-1'],
          ...['--command-property', 'acks=all', 'batch.size=65536', 'linger.ms=5'],
        ]),
      )
      return {
        throughput: numberIn(answer, /([\d.]+) records\/sec/) / 1e3,
        p50: numberIn(answer, /(\d+) ms 50th/),
        p99: numberIn(answer, /(\d+) ms 99th/),
        p999: numberIn(answer, /(\d+) ms 99\.9th/),
        cpu: (cpu / n) * 1e6,
        peak,
        clientCpu: answer.clientCpu,
      }
    },
  },
  {
    kind: 'cluster',
    name: 'java-consume',
    title: 'ConsumerPerformance, 1 KiB from the page cache',
    heats: ['warm'],
    partitions: 6,
    aims: {},
    async prepare(bench) {
      const { cluster, topic } = bench
      await load(cluster.bootstrap, 'produce', { t: topic, n: count(500_000, bench), s: 1_024 })
    },
    async measure(bench) {
      const { cluster, topic, used } = bench
      const n = count(500_000, bench)
      const { answer, cpu, peak } = await used(() =>
        javaClient('ConsumerPerformance', [
          ...['--bootstrap-server', cluster.bootstrap, '--topic', topic],
          ...['--num-records', String(n), '--hide-header', '--group', `java-${topic}`],
        ]),
      )
      // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s
      const fetched = numberIn(answer, /^(?:[^,]+,\s*){9}([\d.]+)$/)
      return {
        throughput: fetched / 1e3,
        cpu: (cpu / n) * 1e6,
        peak,
        clientCpu: answer.clientCpu,
      }
    },
  },
  {
    kind: 'cluster',
    name: 'java-end-to-end',
    title: 'EndToEndLatency, one record of 100 B at a time',
    heats: ['warm'],
    partitions: 1,
    aims: {
      'embedded warm': { p50: 0.6, p99: 0.5 },
      'processes warm': { p50: 0.9, p99: 0.7 },
    },
    async measure(bench) {
      const { cluster, topic, used } = bench
      const n = count(5_000, bench)
      const { answer, cpu } = await used(() =>
        javaClient('EndToEndLatency', [
          ...['--bootstrap-server', cluster.bootstrap, '--topic', topic],
          ...['--num-records', String(n), '--producer-acks', 'all', '--record-size', '100'],
        ]),
      )
      return {
        p50: numberIn(answer, /50th = (\d+)/),
        p99: numberIn(answer, /99th = (\d+)/),
        p999: numberIn(answer, /99\.9th = (\d+)/),
        cpu: (cpu / n) * 1e6,
        clientCpu: answer.clientCpu,
      }
    },
  },
]
