/**
 * The log of `__cluster_metadata` as a quorum replica uses it: the record batches, the snapshots
 * that stand for what was cut away in front of them, and the voter sets in both.
 *
 * Source: KIP-595, 630. What is durable is told by completed syncs only, and a sync that a
 * truncation overtook does not count (S14).
 */
import { batches, lastOffset } from '../../transport/records/batch.ts'
import { invariant } from '../invariant.ts'
import type { Log } from '../ports/log.ts'
import type { QuorumStore, SnapshotId, SnapshotReader } from '../ports/quorum-store.ts'
import { controlRecords } from './control-records.ts'
import { lastContainedTimestampMs } from './snapshot-file.ts'
import type { VoterSets } from './voter-sets.ts'

export type OffsetAndEpoch = { offset: number; epoch: number }

/** Whether a fetch position lies on this log (R11). */
export type Position =
  | { kind: 'valid' }
  | { kind: 'diverging'; epoch: number; endOffset: number }
  | { kind: 'snapshot'; id: SnapshotId }

export type MetadataLog = {
  startOffset(): number
  endOffset(): number
  /** All below is on disk. */
  durableEndOffset(): number
  /** Of the last record, in log or snapshot; 0 before the first. */
  lastEpoch(): number
  latestSnapshot(): SnapshotId | undefined
  openSnapshot(id: SnapshotId): SnapshotReader | undefined
  /** The start found less than was synced once: what this replica acknowledged may be lost (S2). */
  isSuspect(): boolean
  /** Brings log and snapshots to terms after a start, and collects the voter sets. */
  open(): Promise<void>
  position(fetchOffset: number, lastFetchedEpoch: number): Position
  read(from: number, maxBytes: number, upTo: number): Buffer
  appendAsLeader(batch: Buffer, epoch: number, nowMs: number): { lastOffset: number }
  /** @throws KafkaError CORRUPT_MESSAGE: nothing was stored */
  appendAsFollower(records: Buffer, epoch: number): void
  /** Cuts to where this log and the leader's part; `end` is the leader's answer. */
  truncateToDivergence(end: { epoch: number; endOffset: number }, highWatermark: number): void
  /** A complete snapshot from the leader takes the place of the whole log. */
  installSnapshot(id: SnapshotId, highWatermark: number): void
  /** After a snapshot was written: deletes what it makes superfluous, the oldest first. */
  clean(limits: { retentionBytes: number; retentionMs: number; nowMs: number }): void
  bytesBetween(from: number, to: number): number
  /** Resolves when what is appended by now is durable, unless a truncation came between. */
  flush(): Promise<void>
}

const scanBytes = 1024 * 1024

export function createMetadataLog(ports: {
  log: Log
  store: QuorumStore
  voterSets: VoterSets
  /** The voter set in force may be another one. */
  votersChanged: () => void
  turn: () => Promise<void>
}): MetadataLog {
  const { log, store, voterSets, votersChanged, turn } = ports
  let durable = 0
  let truncations = 0

  let snapshots = store.snapshots()

  const latestSnapshot = () => snapshots.at(-1)

  function deleteSnapshot(id: SnapshotId): void {
    store.deleteSnapshot(id)
    snapshots = store.snapshots()
  }

  function noteControls(records: Buffer): void {
    let changed = false
    for (const { offset, record } of controlRecords(records)) {
      voterSets.note(offset, record)
      changed ||= record.type === 'kRaftVoters'
    }
    if (changed) votersChanged()
  }

  /** Voter sets stand in front of a snapshot's data, so its beginning tells them. */
  function noteSnapshot(id: SnapshotId): void {
    const reader = store.openSnapshot(id)
    invariant(reader !== undefined, 'R16: a listed snapshot can be opened', { ...id })
    const head = reader.read(0, Math.min(reader.sizeBytes, scanBytes))
    for (const { record } of controlRecords(head)) voterSets.note(id.offset - 1, record)
  }

  async function collectVoterSets(): Promise<void> {
    voterSets.clear()
    const snapshot = snapshots.find(({ offset }) => offset === log.startOffset())
    if (snapshot !== undefined) noteSnapshot(snapshot)
    for (let at = log.startOffset(); at < log.endOffset(); ) {
      const bytes = log.read(at, scanBytes, log.endOffset(), true)
      if (bytes.length === 0) break
      for (const { offset, record } of controlRecords(bytes)) voterSets.note(offset, record)
      at = lastOffsetOf(bytes) + 1
      await turn()
    }
    votersChanged()
  }

  /** A crash may fall between a snapshot's completion and the cut that it is for. */
  function startAtSnapshot(): void {
    const latest = latestSnapshot()
    if (latest !== undefined && latest.offset > log.endOffset()) replaceLog(latest)
    if (log.startOffset() === 0) return
    const first = snapshots.find(({ offset }) => offset >= log.startOffset())
    invariant(first !== undefined, 'R16: a snapshot stands where the log starts', {
      startOffset: log.startOffset(),
    })
    if (first.offset > log.startOffset()) log.advanceStartOffset(first.offset)
  }

  function replaceLog({ offset, epoch }: SnapshotId): void {
    truncations++
    log.truncateFullyAndStartAt(offset)
    log.assignEpoch(epoch, offset)
    durable = offset
  }

  const self: MetadataLog = {
    startOffset: () => log.startOffset(),
    endOffset: () => log.endOffset(),
    durableEndOffset: () => durable,
    lastEpoch: () => Math.max(log.latestEpoch() ?? 0, epochBefore(log.endOffset())),
    latestSnapshot,
    openSnapshot: (id) => store.openSnapshot(id),
    isSuspect: () => log.isSuspect(),
    async open() {
      startAtSnapshot()
      await collectVoterSets()
      durable = await log.flush()
    },
    position(fetchOffset, lastFetchedEpoch) {
      const start = log.startOffset()
      if (start === 0 && fetchOffset === 0 && lastFetchedEpoch === 0) return { kind: 'valid' }
      const first = snapshots.find(({ offset }) => offset === start)
      const behind =
        start > 0 &&
        (fetchOffset < start ||
          (fetchOffset === start && lastFetchedEpoch !== first?.epoch) ||
          lastFetchedEpoch < (first?.epoch ?? 0))
      if (behind) {
        const id = latestSnapshot()
        invariant(id !== undefined, 'R16: a log that starts above 0 has a snapshot', { start })
        return { kind: 'snapshot', id }
      }
      const end = endOf(lastFetchedEpoch)
      if (end.epoch === lastFetchedEpoch && fetchOffset <= end.endOffset) return { kind: 'valid' }
      return { kind: 'diverging', ...end }
    },
    read: (from, maxBytes, upTo) => log.read(from, maxBytes, upTo, true),
    appendAsLeader(batch, leaderEpoch, nowMs) {
      const before = log.endOffset()
      const appended = log.appendAsLeader(batch, { leaderEpoch, nowMs, origin: 'raft' })
      const { baseOffset, lastOffset } = appended
      invariant(baseOffset === before, 'R6: a leader appends at its log end', {
        ...appended,
        before,
      })
      noteControls(batch)
      return { lastOffset }
    },
    appendAsFollower(records, epoch) {
      const before = log.endOffset()
      const appended = log.appendAsFollower(records, epoch)
      if (appended === undefined) return
      invariant(appended.baseOffset === before, 'R5: appends are dense', { ...appended, before })
      noteControls(records)
    },
    truncateToDivergence({ epoch, endOffset }, highWatermark) {
      const own = endOf(epoch)
      // Our end for that epoch, or for the largest one below it: what lies behind is not shared.
      const target = own.epoch === epoch ? Math.min(endOffset, own.endOffset) : own.endOffset
      const to = Math.max(target, log.startOffset())
      invariant(to >= highWatermark, 'R10: nothing committed is truncated', { to, highWatermark })
      if (to > log.endOffset()) return
      // At the log's very end, too: an epoch may have begun there without a record (P14).
      truncations++
      log.truncateTo(to)
      const after = log.endOffset()
      invariant(after <= to && after >= highWatermark, 'R10: cut where it was asked', { to, after })
      durable = Math.min(durable, to)
      voterSets.truncateTo(to)
      votersChanged()
    },
    installSnapshot(id, highWatermark) {
      invariant(id.offset >= highWatermark, 'R10: a snapshot loses nothing committed', {
        ...id,
        highWatermark,
      })
      replaceLog(id)
      snapshots = store.snapshots()
      for (const old of snapshots) if (old.offset < id.offset) deleteSnapshot(old)
      voterSets.clear()
      noteSnapshot(id)
      votersChanged()
    },
    clean({ retentionBytes, retentionMs, nowMs }) {
      snapshots = store.snapshots()
      for (;;) {
        const [oldest, next] = snapshots
        if (oldest === undefined || next === undefined) return
        const isTooMuch = log.sizeBytes() + snapshotBytes() > retentionBytes
        const isTooOld = retentionMs >= 0 && nowMs - timestampOf(oldest) > retentionMs
        if (!isTooMuch && !isTooOld) return
        if (next.offset > log.startOffset()) log.advanceStartOffset(next.offset)
        deleteSnapshot(oldest)
      }
    },
    bytesBetween: (from, to) => log.bytesBetween(from, to),
    async flush() {
      const before = truncations
      const end = await log.flush()
      if (before === truncations) durable = Math.max(durable, end)
    },
  }

  const timestampOf = (id: SnapshotId): number => {
    const reader = store.openSnapshot(id)
    return reader === undefined ? -1 : lastContainedTimestampMs(reader)
  }

  const snapshotBytes = () =>
    snapshots.reduce((sum, id) => sum + (store.openSnapshot(id)?.sizeBytes ?? 0), 0)

  /** Epoch of what a snapshot that ends exactly there ends with. */
  function epochBefore(endOffset: number): number {
    return snapshots.find(({ offset }) => offset === endOffset)?.epoch ?? 0
  }

  /** The largest epoch of this log not above the asked one, and its end; the log start below all. */
  function endOf(epoch: number): { epoch: number; endOffset: number } {
    const start = log.startOffset()
    const known = log.endOffsetFor(epoch)
    // Of what lies below the start, the snapshot that ends there tells.
    if (known !== undefined && known.endOffset > start) return known
    return { epoch: epochBefore(start), endOffset: start }
  }

  return self
}

function lastOffsetOf(bytes: Buffer): number {
  let last = -1
  for (const at of batches(bytes)) last = lastOffset(bytes, at)
  return last
}
