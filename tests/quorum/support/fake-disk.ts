/**
 * One node's metadata log, quorum-state and snapshots, in memory. A crash loses what no sync has
 * completed for; a clean stop loses nothing.
 */
import { type Log, type LogConfig, StorageError } from '../../../actors/ports/log.ts'
import type {
  QuorumState,
  QuorumStore,
  SnapshotId,
  SnapshotWriter,
} from '../../../actors/ports/quorum-store.ts'
import { KafkaError } from '../../../transport/protocol/errors.ts'
import {
  baseOffset,
  batches,
  batchSize,
  checkBatch,
  lastOffset,
  partitionLeaderEpoch,
  setBaseOffset,
  setPartitionLeaderEpoch,
} from '../../../transport/records/batch.ts'
import type { FakeClock } from './fake-clock.ts'

type Batch = { base: number; last: number; epoch: number; bytes: Buffer }

export type FakeDisk = {
  readonly log: Log
  readonly store: QuorumStore
  /** What would survive a power cut now. */
  durableBatches(): Batch[]
  allBatches(): Batch[]
  state(): QuorumState | undefined
  crash(): void
  /** The next sync fails, and all behind it. */
  failSyncs(): void
  syncMs: number
  /** Sees each quorum-state before it counts. */
  onVote: (next: QuorumState) => void
}

export function fakeDisk(clock: FakeClock, directoryId: string): FakeDisk {
  let held: Batch[] = []
  let start = 0
  let empty = 0 // where an empty log begins
  let assigned: { epoch: number; start: number }[] = []
  let durableEnd = 0
  let broken = false
  let quorumState: QuorumState | undefined
  const snapshots = new Map<string, { id: SnapshotId; bytes: Buffer }>()
  const keyOf = ({ offset, epoch }: SnapshotId) => `${offset}-${epoch}`

  const end = () => (held.length === 0 ? Math.max(empty, start) : held[held.length - 1]!.last + 1)
  const epochs = () => {
    const table: { epoch: number; start: number }[] = [...assigned]
    for (const { epoch, base } of held) {
      if (table.length === 0 || table[table.length - 1]!.epoch < epoch) {
        table.push({ epoch, start: base })
      }
    }
    return table
  }

  function append(records: Buffer, check: (at: number) => void) {
    const copy = Buffer.from(records)
    const added: Batch[] = []
    let next = end()
    for (const at of batches(copy)) {
      check(at)
      const bytes = copy.subarray(at, at + batchSize(copy, at))
      if (baseOffset(bytes, 0) !== next) {
        throw new KafkaError('CORRUPT_MESSAGE', `base offset ${baseOffset(bytes, 0)}, not ${next}`)
      }
      const last = lastOffset(bytes, 0)
      added.push({ base: next, last, epoch: partitionLeaderEpoch(bytes, 0), bytes })
      next = last + 1
    }
    held.push(...added)
    if (added.length === 0) return undefined
    return {
      baseOffset: added[0]!.base,
      lastOffset: added[added.length - 1]!.last,
      logAppendTimeMs: -1,
      duplicate: false,
    }
  }

  const log: Log = {
    topic: '__cluster_metadata',
    partition: 0,
    topicId: 'AAAAAAAAAAAAAAAAAAAAAQ',
    directoryId,
    startOffset: () => start,
    endOffset: end,
    recoveryPoint: () => durableEnd,
    damage: () => undefined,
    isSuspect: () => false,
    trust() {},
    sizeBytes: () => held.reduce((sum, { bytes }) => sum + bytes.length, 0),
    config: () => ({}) as LogConfig,
    reconfigure() {},
    appendAsLeader(records, { leaderEpoch }) {
      let next = end()
      for (const at of batches(records)) {
        setBaseOffset(records, at, next)
        setPartitionLeaderEpoch(records, at, leaderEpoch)
        next = lastOffset(records, at) + 1
      }
      return append(records, (at) => checkBatch(records, at))!
    },
    appendAsFollower: (records, leaderEpoch) =>
      append(records, (at) => {
        checkBatch(records, at)
        if (partitionLeaderEpoch(records, at) > leaderEpoch) {
          throw new KafkaError('CORRUPT_MESSAGE', 'an epoch above the leader’s')
        }
      }),
    read(from, maxBytes, upTo, minOneBatch) {
      if (from < start || from > end()) throw new KafkaError('OFFSET_OUT_OF_RANGE', `${from}`)
      const out: Buffer[] = []
      let size = 0
      for (const { last, bytes } of held) {
        if (last < from) continue
        if (last >= upTo) break
        const fits = size + bytes.length <= maxBytes || (out.length === 0 && minOneBatch)
        if (!fits) break
        out.push(bytes)
        size += bytes.length
      }
      return Buffer.concat(out)
    },
    latestEpoch: () => epochs().at(-1)?.epoch,
    epochAt: (offset) => epochs().findLast((entry) => entry.start <= offset)?.epoch,
    endOffsetFor(epoch) {
      const table = epochs()
      const at = table.findLastIndex((entry) => entry.epoch <= epoch)
      if (at < 0) return undefined
      return { epoch: table[at]!.epoch, endOffset: table[at + 1]?.start ?? end() }
    },
    assignEpoch(epoch, at) {
      assigned = [...assigned.filter((entry) => entry.epoch < epoch), { epoch, start: at }]
    },
    truncateTo(offset) {
      held = held.filter(({ last }) => last < offset)
      assigned = assigned.filter((entry) => entry.start < offset)
      durableEnd = Math.min(durableEnd, end())
    },
    truncateFullyAndStartAt(offset) {
      held = []
      assigned = []
      start = offset
      empty = offset
      durableEnd = offset
    },
    advanceStartOffset(offset) {
      const epoch = log.epochAt(offset) ?? log.latestEpoch()
      start = offset
      const dropped = held.filter(({ last }) => last < offset)
      held = held.filter(({ last }) => last >= offset)
      if (dropped.length > 0 && held.length === 0) empty = offset
      assigned = epoch === undefined ? [] : [{ epoch, start: offset }]
    },
    offsetForTimestamp: () => undefined,
    maxTimestamp: () => undefined,
    bytesBetween: (from, to) =>
      held
        .filter(({ base, last }) => last >= from && base < to)
        .reduce((sum, { bytes }) => sum + bytes.length, 0),
    async flush() {
      const upTo = end()
      const first = held.map(({ bytes }) => bytes)
      await new Promise<void>((done) => void clock.setTimeout(done, disk.syncMs))
      if (broken) throw new StorageError(directoryId, 'sync failed')
      // What was truncated meanwhile does not count.
      let good = Math.min(upTo, end())
      for (let i = 0; i < first.length; i++) {
        if (held[i]?.bytes !== first[i] && !held.some(({ bytes }) => bytes === first[i])) {
          good = Math.min(good, held[i]?.base ?? end())
        }
      }
      durableEnd = Math.max(durableEnd, good)
      return durableEnd
    },
    flushIfDue() {},
    applyRetention: () => ({ deletedSegments: 0, startOffset: start }),
    roll() {},
    cleanable: () => undefined,
    clean: async () => undefined,
    producers: () => [],
  }

  const store: QuorumStore = {
    directoryId,
    readState: () => quorumState,
    writeState(next) {
      disk.onVote(next)
      quorumState = { ...next }
    },
    snapshots: () =>
      [...snapshots.values()].map(({ id }) => id).sort((a, b) => a.offset - b.offset),
    openSnapshot(id) {
      const found = snapshots.get(keyOf(id))
      if (found === undefined) return undefined
      const { bytes } = found
      return {
        id: found.id,
        sizeBytes: bytes.length,
        read: (position, maxBytes) => bytes.subarray(position, position + maxBytes),
      }
    },
    createSnapshot(id): SnapshotWriter {
      const parts: Buffer[] = []
      return {
        append: (bytes) => void parts.push(Buffer.from(bytes)),
        sizeBytes: () => parts.reduce((sum, { length }) => sum + length, 0),
        freeze: () => void snapshots.set(keyOf(id), { id, bytes: Buffer.concat(parts) }),
        abandon() {},
      }
    },
    deleteSnapshot: (id) => void snapshots.delete(keyOf(id)),
  }

  const disk: FakeDisk = {
    log,
    store,
    syncMs: 1,
    onVote() {},
    durableBatches: () => held.filter(({ last }) => last < durableEnd),
    allBatches: () => [...held],
    state: () => quorumState,
    crash() {
      held = held.filter(({ last }) => last < durableEnd)
      assigned = assigned.filter((entry) => entry.start <= end())
    },
    failSyncs() {
      broken = true
    },
  }
  return disk
}
