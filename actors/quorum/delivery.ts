/**
 * Tells listeners what is committed, batch by batch and in order, and who leads (R8, R15).
 *
 * A listener is told within the turn that commits; what lies far behind is read in slices, between
 * which the loop turns. Who is behind the log's start is given the snapshot first, a batch a turn where
 * the listener takes it so: 20,000 partitions are a tenth of a second and more.
 */
import {
  baseOffset,
  batches,
  batchSize,
  isControl,
  lastOffset,
  maxTimestamp,
  nextOffset,
  partitionLeaderEpoch,
} from '../../transport/records/batch.ts'
import { invariant } from '../invariant.ts'
import type { SnapshotId } from '../ports/quorum-store.ts'
import { decodeDataBatch } from './data-records.ts'
import type { MetadataLog } from './metadata-log.ts'
import { loadSnapshot } from './snapshot-file.ts'
import type { CommittedBatch, LeaderAndEpoch, QuorumListener } from './types.ts'

export type Delivery = {
  listen(listener: QuorumListener): void
  /** There may be something to tell. */
  deliver(): void
  /** The first offset that some listener has not been told, the high watermark without any. */
  behind(): number
  stop(): void
}

type Told = {
  listener: QuorumListener
  /** The first offset it has not been told. */
  next: number
  leader: LeaderAndEpoch
  /** The snapshot that it is being told. */
  loading: Loading | undefined
}

type Loading = { id: SnapshotId; steps: Iterator<unknown> }

const sliceBytes = 256 * 1024

export function createDelivery(ports: {
  log: MetadataLog
  running: () => boolean
  highWatermark: () => number
  /** `startOffset`: of the epoch that this replica leads; who leads is told behind it. */
  leader: () => LeaderAndEpoch & { startOffset: number | undefined }
  /** Calls `next` in a later turn. */
  later: (next: () => void) => void
  halt: (why: unknown) => void
}): Delivery {
  const { log, running, highWatermark, leader, later, halt } = ports
  const told: Told[] = []
  let delivering = false
  let again = false
  let continued = false
  let stopped = false
  /** Listeners are mostly at the same place: each batch is decoded once. */
  let decoded: CommittedBatch | undefined

  function tellBatches(to: Told): boolean {
    const hw = highWatermark()
    if (to.next >= hw) return false
    if (to.next < log.startOffset()) return tellSnapshot(to)
    const bytes = log.read(to.next, sliceBytes, hw)
    for (const at of batches(bytes)) {
      invariant(baseOffset(bytes, at) === to.next, 'R8: records are told without gaps', {
        next: to.next,
        baseOffset: baseOffset(bytes, at),
      })
      invariant(lastOffset(bytes, at) < hw, 'R8: only what is committed is told', { hw })
      const batch = decode(bytes, at)
      to.next = nextOffset(bytes, at)
      to.listener.handleCommit(batch)
      if (stopped) return false
      tellLeader(to)
    }
    return to.next < highWatermark()
  }

  function tellSnapshot(to: Told): boolean {
    const id = log.latestSnapshot()
    const reader = id && log.openSnapshot(id)
    invariant(id !== undefined && reader !== undefined, 'R16: a snapshot precedes the log start')
    if (to.loading?.id.offset !== id.offset) {
      // A newer one may have taken the file of the one begun.
      const steps = to.listener.handleLoadSnapshot(loadSnapshot(reader))
      to.loading = steps ? { id, steps } : undefined
    }
    if (to.loading !== undefined && !to.loading.steps.next().done) return true
    to.loading = undefined
    to.next = id.offset
    return to.next < highWatermark()
  }

  function decode(bytes: Buffer, at: number): CommittedBatch {
    if (decoded?.baseOffset === baseOffset(bytes, at)) return decoded
    decoded = {
      baseOffset: baseOffset(bytes, at),
      lastOffset: lastOffset(bytes, at),
      epoch: partitionLeaderEpoch(bytes, at),
      appendTimestampMs: maxTimestamp(bytes, at),
      sizeBytes: batchSize(bytes, at),
      records: isControl(bytes, at) ? [] : decodeDataBatch(bytes, at),
    }
    return decoded
  }

  function tellLeader(to: Told): void {
    const { leaderId, epoch, startOffset } = leader()
    const isTold = to.leader.leaderId === leaderId && to.leader.epoch === epoch
    if (isTold || (startOffset !== undefined && to.next <= startOffset)) return
    to.leader = { leaderId, epoch }
    to.listener.handleLeaderChange({ leaderId, epoch })
  }

  function deliver(): void {
    // A listener may append, and an append may commit at once: told in the same order, later.
    again = true
    if (delivering || stopped || !running()) return
    delivering = true
    try {
      let more = false
      while (again && !stopped) {
        again = false
        more = false
        for (const to of told) {
          tellLeader(to)
          more = tellBatches(to) || more
        }
      }
      if (more && !continued) {
        continued = true
        later(() => {
          continued = false
          deliver()
        })
      }
    } catch (why) {
      stopped = true
      halt(why)
    } finally {
      delivering = false
    }
  }

  return {
    listen(listener) {
      told.push({ listener, next: 0, leader: { leaderId: -1, epoch: 0 }, loading: undefined })
      later(deliver)
    },
    deliver,
    behind: () => told.reduce((least, { next }) => Math.min(least, next), highWatermark()),
    stop() {
      stopped = true
    },
  }
}
