/**
 * Moves the log start of a led partition and waits until its live replicas have followed.
 *
 * Source: KIP-107; Kafka's DelayedDeleteRecords and lowWatermarkIfLeader.
 */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import { pokeAll } from './fetch.ts'
import type { Partition } from './partition.ts'

export type Deleted = { error: ErrorName; lowWatermark: number }

type Ports = { clock: Clock; image(): MetadataImage }

export function createDeletions({ clock, image }: Ports) {
  /** The lowest log start of all live replicas, the leader's own included. */
  function lowWatermark({ log, followers }: Partition): number {
    const brokers = image().brokers()
    const starts = followers
      .filter(({ id }) => brokers.get(id)?.fenced === false)
      .map(({ logStartOffset }) => logStartOffset)
    return Math.min(log?.startOffset() ?? -1, ...starts)
  }

  /** @returns undefined while a live replica has yet to follow */
  function outcome(partition: Partition, offset: number): Deleted | undefined {
    if (partition.role === 'offline') return { error: 'KAFKA_STORAGE_ERROR', lowWatermark: -1 }
    if (partition.role !== 'leader') return { error: 'NOT_LEADER_OR_FOLLOWER', lowWatermark: -1 }
    const low = lowWatermark(partition)
    return low >= offset ? { error: 'NONE', lowWatermark: low } : undefined
  }

  /** @param offset at most the high watermark */
  return function deleteRecordsBefore(
    partition: Partition,
    offset: number,
    timeoutMs: number,
  ): Promise<Deleted> {
    if (offset > (partition.log?.startOffset() ?? 0)) {
      partition.log?.advanceStartOffset(offset)
      pokeAll(partition)
    }
    const done = outcome(partition, offset)
    if (done !== undefined) return Promise.resolve(done)
    return new Promise((resolve) => {
      const finish = (deleted: Deleted) => {
        clock.clearTimeout(timer)
        const others = new Set(partition.startWaiters)
        others.delete(look)
        partition.startWaiters = others
        resolve(deleted)
      }
      const look = () => {
        const now = outcome(partition, offset)
        if (now !== undefined) finish(now)
      }
      const timer = clock.setTimeout(
        () => finish({ error: 'REQUEST_TIMED_OUT', lowWatermark: -1 }),
        timeoutMs,
      )
      partition.startWaiters = new Set([...partition.startWaiters, look])
    })
  }
}
