/**
 * What one log is in memory: its segments, offsets, epochs and producers. The functions beside it
 * append, read, cut and sync; `log.ts` offers them as the port that replicas use.
 */

import { invariant } from '../../actors/invariant.ts'
import type { Clock } from '../../actors/ports/clock.ts'
import type { LogConfig, TopicPartition } from '../../actors/ports/log.ts'
import type { GuardedDisk } from '../disk/guarded-disk.ts'
import type { Cleaning } from './cleaning.ts'
import type { Deletions } from './deletions.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { OpenFiles } from './open-files.ts'
import type { Producers } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { CheckpointFiles } from './store-checkpoints.ts'
import type { SyncQueue } from './sync-queue.ts'
import type { LogTail, TailCache } from './tail-cache.ts'

/** What all logs of a store share. */
export type Shared = {
  clock: Clock
  files: OpenFiles
  syncs: SyncQueue
  tail: TailCache
  deletions: Deletions
}

export type StorageDirectory = {
  id: string
  path: string
  disk: GuardedDisk
  /** Makes the names of its partition folders durable. */
  syncNames(): Promise<void>
}

/** Bytes lost below the recovery point, found at the start: the replica is suspect (S2). */
export type Damage = { endOffset: number; recoveryPoint: number; heldEnd: number }

/** What was promised to be on disk is not, and has not been fetched again (S2). */
export const isSuspect = ({ damage, recoveryPoint }: LogState): boolean =>
  damage !== undefined && recoveryPoint < damage.recoveryPoint

/** What a checkpoint says is on disk: of a suspect log what should be, so that it stays suspect. */
export const promisedOffset = (log: LogState): number =>
  isSuspect(log) ? log.damage!.recoveryPoint : log.recoveryPoint

/** Where a reader went on last: the next reader of that offset needs no index. */
export type Cursor = { offset: number; segment: Segment; position: number }

export type LogState = TopicPartition & {
  readonly shared: Shared
  readonly directory: StorageDirectory
  readonly topicId: string
  /** Of its folder. */
  path: string
  config: LogConfig
  /** Never empty; the last one is written to. */
  segments: Segment[]
  startOffset: number
  endOffset: number
  recoveryPoint: number
  /** What `recovery-point-offset-checkpoint` may say at most: a cut below it must rewrite that file. */
  checkpointedRecoveryPoint: number
  damage: Damage | undefined
  /**
   * All below was compacted (`cleaner-offset-checkpoint`). undefined: no offset was ever left out,
   * here or by the leader that it was fetched from.
   */
  cleanedTo: number | undefined
  cleaning: Cleaning | undefined
  epochs: LeaderEpochs
  producers: Producers
  tail: LogTail
  cursors: Cursor[]
  /** Names in its folder, or its folder's, may not be durable. */
  namesChanged: boolean
  /** Of the segments that went from its begin, a power cut may bring back some. */
  dropsUnsynced: boolean
  /** The lowest end since the sync in flight was begun. */
  lowestEnd: number
  flushing: Promise<number> | undefined
  flushingNext: Promise<number> | undefined
  lastFlushMs: number
  /** Drawn once per segment, so that logs do not roll all at once. */
  rollJitterMs: number
  /** Of its directory: what a cut or a cleaning must have written before it goes on. */
  readonly checkpoints: Omit<CheckpointFiles, 'highWatermarks'>
  /** Removed, or its store is closed: nothing of it is touched any more. */
  isGone: boolean
}

export const activeSegment = (log: LogState): Segment => log.segments[log.segments.length - 1]!

/** The last segment that begins at or below an offset; -1 where the log begins above it. */
export function segmentIndexAt(log: LogState, offset: number): number {
  let low = 0
  let high = log.segments.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (log.segments[middle]!.baseOffset <= offset) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Offsets may be missing: compaction left them out, here or at the leader. */
export const mayHaveGaps = ({ cleanedTo, config }: LogState): boolean =>
  cleanedTo !== undefined || config.cleanupPolicy.includes('compact')

/** The order of P15, as far as the log knows it. */
export function checkOrder(log: LogState) {
  const { startOffset, endOffset, recoveryPoint } = log
  invariant(startOffset <= endOffset, 'P15: log start <= log end', { startOffset, endOffset })
  invariant(recoveryPoint <= endOffset, 'recovery point <= log end', { recoveryPoint, endOffset })
}
