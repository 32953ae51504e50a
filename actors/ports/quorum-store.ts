/**
 * What a quorum replica keeps beside its log: the votes (`quorum-state`) and the snapshots
 * (`OFFSET-EPOCH.checkpoint`) of `__cluster_metadata-0`. Writes are durable when they return.
 */

/** KIP-853's quorum-state, data_version 1. Ids are -1 and null where there is none. */
export type QuorumState = {
  leaderId: number
  leaderEpoch: number
  votedId: number
  votedDirectoryId: string | null
}

/** A snapshot ends below `offset` (exclusive); `epoch` is that of its last record. */
export type SnapshotId = { offset: number; epoch: number }

export type SnapshotWriter = {
  append(bytes: Buffer): void
  sizeBytes(): number
  /** Syncs and renames: the snapshot exists from now on. */
  freeze(): void
  abandon(): void
}

export type SnapshotReader = {
  id: SnapshotId
  sizeBytes: number
  read(position: number, maxBytes: number): Buffer
}

export type QuorumStore = {
  readState(): QuorumState | undefined
  writeState(state: QuorumState): void
  /** Complete snapshots, oldest first. */
  snapshots(): SnapshotId[]
  openSnapshot(id: SnapshotId): SnapshotReader | undefined
  /** A second writer of the same id starts anew. */
  createSnapshot(id: SnapshotId): SnapshotWriter
  deleteSnapshot(id: SnapshotId): void
  /** The directory id (`meta.properties`) of the metadata log directory. */
  readonly directoryId: string
}
