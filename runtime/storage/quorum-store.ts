/**
 * `__cluster_metadata-0`: the quorum's log, its votes and its snapshots, in the metadata log
 * directory. Apart from the brokers' logs, with syncs of its own, so that it never waits for theirs.
 *
 * Its log is verified from its begin at every start, as Kafka does: snapshots keep it short. Where a
 * start finds less than there was, a `recovery-point-offset-checkpoint` in its own folder keeps how
 * much is missing until it was fetched again (S2); Kafka has none there, and forgets.
 */
import { invariant } from '../../actors/invariant.ts'
import type { Clock } from '../../actors/ports/clock.ts'
import type { Log, LogConfig } from '../../actors/ports/log.ts'
import type { QuorumStore, SnapshotId, SnapshotWriter } from '../../actors/ports/quorum-store.ts'
import { UserError } from '../config/user-error.ts'
import { type Disk, joinPath } from '../disk/disk.ts'
import { formatOffsets, partitionName, RECOVERY_POINTS, readOffsets } from './checkpoints.ts'
import { closeLogCleanly } from './close-log.ts'
import type { Directories } from './directories.ts'
import { loadLog } from './load-log.ts'
import { logOf } from './log.ts'
import { promisedOffset } from './log-state.ts'
import { truncateFullyAndStartAt } from './log-truncate.ts'
import { readTopicId, writePartitionMetadata } from './partition-metadata.ts'
import { pauseOf } from './pause.ts'
import { QUORUM_STATE, readQuorumState, writeQuorumState } from './quorum-state.ts'
import { advanceStartOffset } from './retention.ts'
import { closeShared, createShared } from './shared.ts'
import { MalformedFileError, replaceFile } from './small-files.ts'
import {
  createSnapshot,
  dropParts,
  isSnapshotSound,
  listSnapshots,
  openSnapshot,
  setSnapshotAside,
  snapshotFileName,
} from './snapshots.ts'

export const METADATA_PARTITION = { topic: '__cluster_metadata', partition: 0 }
const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

const OPEN_FILES_MAX = 16
const TAIL_BYTES_MAX = 4 * 1024 * 1024
const SYNCS_MAX = 1

export type QuorumStoreOptions = {
  directories: Directories
  clock: Clock
  /** `metadata.log.segment.bytes` and its like; absent: Kafka's defaults. */
  config?: Partial<LogConfig>
}

export type OpenQuorumStore = QuorumStore & {
  readonly log: Log
  closeCleanly(): Promise<void>
  /** As kill -9. */
  abandon(): void
}

export async function openQuorumStore(options: QuorumStoreOptions): Promise<OpenQuorumStore> {
  const { clock, directories } = options
  const directory = directories.metadata
  const { disk, id } = directory
  const path = joinPath(directory.path, partitionName(METADATA_PARTITION))
  const shared = createShared({
    clock,
    openFilesMax: OPEN_FILES_MAX,
    tailBytesMax: TAIL_BYTES_MAX,
    syncsMax: SYNCS_MAX,
  })
  const promise = { write: () => writePromise(), async writeLater() {} }
  const origin = {
    ...METADATA_PARTITION,
    shared,
    directory,
    path,
    topicId: METADATA_TOPIC_ID,
    config: { ...metadataLogConfig, ...options.config },
    checkpoints: { recoveryPoints: promise, logStarts: notKept, cleanerOffsets: notKept },
  }
  const asLeft = { startOffset: 0, recoveryPoint: 0, cleanedTo: undefined, isClean: false }
  // Formatting leaves a folder that holds the first voters and no log.
  const isNew = readTopicId(disk, path) === undefined
  if (isNew) disk.mkdir(path)
  if (isNew) writePartitionMetadata(disk, path, METADATA_TOPIC_ID)
  const state = await loadLog(origin, asLeft, pauseOf(clock))
  state.namesChanged ||= isNew
  dropParts(disk, path)
  compareWithPromise()
  setDamagedAside()
  startAtSnapshot()
  const log = logOf(state)
  /** By file name, the latest of each. */
  const writing = new Map<string, SnapshotWriter>()

  /** A damaged snapshot is none (R16); where the log begins with it, nothing else here tells what it held. */
  function setDamagedAside() {
    const isSound = (id: SnapshotId) => isSnapshotSound(shared.files, disk, path, id)
    const all = listSnapshots(disk, path)
    const damaged = all.filter((id) => !isSound(id))
    const { startOffset } = state
    const way = 'restore it, or remove the folder and format it again'
    const isNeeded = (id: SnapshotId) =>
      startOffset === 0
        ? id.offset === 0
        : !all.some((other) => other.offset >= startOffset && !damaged.includes(other))
    const needed = damaged.find(isNeeded)
    if (needed !== undefined) {
      const file = joinPath(path, snapshotFileName(needed))
      throw new UserError(`${file} is damaged; ${way}`)
    }
    if (startOffset > 0 && all.every(({ offset }) => offset < startOffset)) {
      throw new UserError(
        `${path} begins at offset ${startOffset}, and no snapshot tells what stood before; ${way}`,
      )
    }
    for (const id of damaged) setSnapshotAside(disk, path, id)
  }

  /** R16: a log that does not begin at 0 begins where a snapshot ends; a crash may fall between. */
  function startAtSnapshot() {
    const offsets = listSnapshots(disk, path).map(({ offset }) => offset)
    const newest = offsets.at(-1) ?? 0
    if (newest > state.endOffset) truncateFullyAndStartAt(state, newest)
    const oldest = offsets.find((offset) => offset >= state.startOffset)
    if (state.startOffset > 0 && oldest !== undefined) {
      advanceStartOffset(state, oldest, clock.now())
    }
  }

  function writePromise() {
    const entry = { ...METADATA_PARTITION, offset: promisedOffset(state) }
    replaceFile(disk, path, RECOVERY_POINTS, formatOffsets([entry]))
    state.checkpointedRecoveryPoint = entry.offset
  }

  /** What stood behind a bad batch had been synced, as all of this log is, and may be acknowledged. */
  function compareWithPromise() {
    const promised = readPromise(disk, path)
    const heldEnd = state.damage?.heldEnd ?? 0
    const recoveryPoint = Math.max(promised, heldEnd)
    state.checkpointedRecoveryPoint = Math.max(state.checkpointedRecoveryPoint, promised)
    if (recoveryPoint <= state.endOffset) return
    state.damage = { endOffset: state.endOffset, recoveryPoint, heldEnd }
    if (recoveryPoint > promised) writePromise()
  }

  /** Whoever has a log has a state: without it a vote that was given might be given again (R2). */
  function readState() {
    const found = readQuorumState(disk, path)
    if (found !== undefined || state.endOffset === 0) return found
    throw new UserError(
      `${joinPath(path, QUORUM_STATE)} is missing beside a log; restore it, or remove the folder and format it again`,
    )
  }

  return {
    directoryId: id,
    log,
    readState,
    writeState: (quorumState) => writeQuorumState(disk, path, quorumState),
    snapshots: () => listSnapshots(disk, path),
    openSnapshot: (snapshot) => openSnapshot(shared.files, disk, path, snapshot),
    createSnapshot(snapshot) {
      const name = snapshotFileName(snapshot)
      writing.get(name)?.abandon()
      const writer = createSnapshot(shared.files, disk, path, snapshot)
      writing.set(name, writer)
      return writer
    },
    deleteSnapshot(snapshot) {
      writing.delete(snapshotFileName(snapshot))
      const from = joinPath(path, snapshotFileName(snapshot))
      invariant(
        snapshot.offset !== state.startOffset || state.startOffset === 0,
        'R16: the snapshot that the log begins with stays',
        snapshot,
      )
      disk.rename(from, `${from}.deleted`)
      shared.deletions.later(disk, [`${from}.deleted`], 0)
    },
    async closeCleanly() {
      await closeLogCleanly(state)
      writePromise()
      closeShared(shared, [state])
    },
    abandon: () => closeShared(shared, [state]),
  }
}

const DAY_MS = 24 * 60 * 60 * 1000
const MIB = 1024 * 1024

/** 0 where nothing is promised. */
function readPromise(disk: Disk, path: string): number {
  try {
    return readOffsets(disk, path, RECOVERY_POINTS)?.get(partitionName(METADATA_PARTITION)) ?? 0
  } catch (error) {
    if (error instanceof MalformedFileError) return 0
    throw error
  }
}

const notKept = { write() {}, async writeLater() {} }

/** Retention is the quorum's own: it cuts the log behind its snapshots. */
const metadataLogConfig: LogConfig = {
  segmentBytes: 1024 * MIB,
  segmentMs: 7 * DAY_MS,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * MIB,
  indexIntervalBytes: 4096,
  retentionBytes: -1,
  retentionMs: -1,
  maxMessageBytes: 8 * MIB,
  cleanupPolicy: [],
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: Number.MAX_SAFE_INTEGER,
  compressionType: 'producer',
  fileDeleteDelayMs: 60_000,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: DAY_MS,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5,
  producerIdExpirationMs: DAY_MS,
}
