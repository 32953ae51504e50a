/**
 * The quorum alone: three voters that append, fsync and commit records of 256 B.
 *
 * Both sides linger alike: Kafka's default, 25 ms, and not at all. Samsa's own controllers never
 * linger, so that the second is what they do.
 */
import { kafkaRaft, type RaftLoad, samsaRaft } from '../systems/raft-quorums.ts'
import type { OnSystem } from './workload.ts'

type Quorum = Pick<RaftLoad, 'throughput' | 'lingerMs'> & {
  name: string
  title: string
  aims: Record<string, number>
  isQuick?: true
}

const quorum = ({ name, title, throughput, lingerMs, aims, isQuick }: Quorum): OnSystem => ({
  kind: 'system',
  name,
  title,
  ...(isQuick ? { isQuick } : {}),
  aims: { 'embedded warm': aims, 'processes warm': aims },
  measure({ system, folder, scale }) {
    const load = {
      recordSize: 256,
      throughput,
      lingerMs,
      warmUpSeconds: Math.max(1, Math.round(60 * scale)),
      seconds: Math.max(2, Math.round(45 * scale)),
    }
    return system.name === 'Kafka' ? kafkaRaft(folder, load) : samsaRaft(folder, system.form, load)
  },
})

export const raftWorkloads: OnSystem[] = [
  quorum({
    name: 'raft',
    title: 'three voters, 5,000 records/s of 256 B, fsynced, append linger 25 ms on both sides',
    throughput: 5_000,
    lingerMs: 25,
    aims: { p99: 0.7 },
    isQuick: true,
  }),
  quorum({
    name: 'raft-linger-0',
    title: 'three voters, 5,000 records/s of 256 B, fsynced, append linger 0 on both sides',
    throughput: 5_000,
    lingerMs: 0,
    aims: { p99: 0.7 },
  }),
  quorum({
    name: 'raft-throughput',
    title: 'three voters, 40,000 records/s of 256 B wanted, fsynced, append linger 25 ms',
    throughput: 40_000,
    lingerMs: 25,
    aims: { throughput: 1.5 },
  }),
]
