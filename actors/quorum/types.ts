/** What the other actors of a node may ask of its quorum replica, and what they hear from it. */
import type { MetadataRecord } from '../../transport/records/metadata.ts'

/** A replica of the quorum: an id and the directory it stores its log in (KIP-853). */
export type ReplicaKey = { id: number; directoryId: string }

export type QuorumEndpoint = { name: string; host: string; port: number }

export type Voter = ReplicaKey & {
  endpoints: QuorumEndpoint[]
  kraftVersion: { min: number; max: number }
}

export type LeaderAndEpoch = {
  /** -1 while unknown. */
  leaderId: number
  epoch: number
}

/** A committed batch of metadata records; control batches are told with no records. */
export type CommittedBatch = {
  baseOffset: number
  lastOffset: number
  epoch: number
  appendTimestampMs: number
  sizeBytes: number
  records: MetadataRecord[]
}

export type LoadedSnapshot = {
  /** Inclusive. */
  lastContainedOffset: number
  lastContainedEpoch: number
  lastContainedTimestampMs: number
  sizeBytes: number
  /** Slices of records, in order; each at most a few thousand. */
  batches: Iterable<MetadataRecord[]>
}

/** Heard in order: what is told of an offset is told once, after all that precedes it (R8). */
export type QuorumListener = {
  handleCommit(batch: CommittedBatch): void
  /** Replaces all that was heard before. */
  /** What is returned is stepped through, a turn a step, before anything else is told. */
  handleLoadSnapshot(snapshot: LoadedSnapshot): Iterator<unknown> | undefined
  /**
   * A new epoch, or a new leader of it. A leader hears of its own leadership only after it
   * has been told all records of earlier epochs (R15); of losing it, at once.
   */
  handleLeaderChange(leader: LeaderAndEpoch): void
}

/** One participant of the metadata quorum: voter or observer. */
export type Quorum = {
  readonly clusterId: string
  readonly self: ReplicaKey
  /** Opens the log, restores votes and voters, joins. Resolves when the chart runs. */
  start(): Promise<void>
  /** A leader resigns and names its preferred successors first (EndQuorumEpoch); then everything stops. */
  stop(): Promise<void>
  listen(listener: QuorumListener): void
  leaderAndEpoch(): LeaderAndEpoch
  /** Exclusive; -1 while unknown. */
  highWatermark(): number
  endOffset(): number
  voters(): Voter[]
  /** Of a voter or observer, null when it has none we know of. */
  leaderEndpoint(): QuorumEndpoint | null
  /**
   * Appends one atomic batch in `epoch`. The records take their offsets now; they are committed
   * when `handleCommit` tells them.
   * @returns the offset of the last record
   * @throws NotLeaderError when `epoch` is not led by this replica any more
   * @throws RecordBatchTooLargeError
   */
  append(epoch: number, records: MetadataRecord[]): number
  /** Resolves when everything up to `offset` is committed; rejects with NotLeaderError when leadership is lost first. */
  committed(offset: number): Promise<void>
  /** Gives up the leadership of `epoch`, because its records cannot be applied or the node stops. */
  resign(epoch: number): void
  /**
   * Writes a snapshot of all committed up to and with `lastOffset`, in slices between which the loop
   * turns; then the log below is cut. Resolves with its size in bytes, undefined when it exists already.
   */
  writeSnapshot(
    lastOffset: number,
    lastEpoch: number,
    lastTimestampMs: number,
    slices: Iterable<MetadataRecord[]>,
  ): Promise<number | undefined>
  /** Bytes of log behind the newest snapshot, and its age: when to write another. */
  sinceSnapshot(): { bytes: number; ms: number }
}

export class NotLeaderError extends Error {}
export class RecordBatchTooLargeError extends Error {}
