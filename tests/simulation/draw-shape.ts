/** A cluster from a seed: how many nodes over which network, with how many directories, and how configured. */
import type { ClusterShape } from './cluster.ts'
import type { SeededRandom } from './random.ts'

export type ShapeOptions = {
  brokers?: number
  controllers?: number
  /**
   * Over the production link on a simulated server of NATS, which takes payloads up to so many bytes;
   * 0: over simulated links. Absent: as the seed draws, or, where the mix is given, over simulated links.
   */
  nats?: number
  /** Instead of what the seed draws. */
  config?: Record<string, string>
}

export const directoriesMax = 3

/** Mostly three combined nodes; the metadata log stays whole, or is often cut behind a snapshot. */
export function drawShape(options: ShapeOptions, random: SeededRandom): ClusterShape {
  const brokers = options.brokers ?? random.pick([3, 3, 3, 4, 5])
  const controllers = options.controllers ?? random.pick([0, 0, 0, 1, 3])
  const isCut = !random.chance(0.5)
  const snapshotBytes = isCut ? Math.round(random.between(500, 5_000)) : 20 * 1024 * 1024
  const disks = random.fork('directories')
  const areMany = disks.chance(0.6)
  const intervalBytes = disks.pick([200, 1_000, 4_096])
  return {
    brokers,
    controllers,
    ...(areMany && {
      directories: Array.from({ length: brokers }, () => 1 + disks.below(directoriesMax)),
    }),
    config: {
      'offsets.topic.num.partitions': '2',
      'log.retention.check.interval.ms': '1000',
      'log.cleaner.backoff.ms': '1000',
      'log.index.interval.bytes': String(intervalBytes),
      'log.cleaner.dedupe.buffer.size': '1048576',
      'min.insync.replicas': brokers > 2 ? '2' : '1',
      // Fewer than a flood brings.
      ...(random.fork('doors').chance(1 / 3) && { 'max.connections': '150' }),
      // Longer than any request of the workload waits for its answer.
      ...(random.fork('idle').chance(1 / 3) && { 'connections.max.idle.ms': '20000' }),
      'default.replication.factor': String(Math.min(3, brokers)),
      'metadata.log.max.record.bytes.between.snapshots': String(snapshotBytes),
      ...(isCut && {
        'internal.metadata.log.segment.bytes': String(Math.round(snapshotBytes / 2)),
        'metadata.max.retention.bytes': String(3 * snapshotBytes),
      }),
      ...options.config,
    },
  }
}

/** NATS takes 1 MiB unless it is told otherwise; with less, what is long leaves in parts. */
export const drawNats = (random: SeededRandom): number =>
  random.chance(1 / 3) ? random.pick([1_048_576, 1_048_576, 65_536, 8_192, 1_024]) : 0

export const idsOf = ({ brokers, controllers }: ClusterShape): number[] =>
  Array.from({ length: brokers + controllers }, (_, index) => index + 1)
