/** Makes a log, or brings one back from its folder. */
import type { LogConfig, TopicPartition } from '../../actors/ports/log.ts'
import { KafkaError } from '../../transport/protocol/errors.ts'
import { baseOffset, partitionLeaderEpoch } from '../../transport/records/batch.ts'
import { joinPath } from '../disk/disk.ts'
import { readEpochs } from './checkpoints.ts'
import { DELETED_SUFFIX } from './deletions.ts'
import { dropSegments } from './drop-segments.ts'
import { entryCount } from './entry-file.ts'
import {
  assignEpoch,
  type LeaderEpochs,
  latestEpoch,
  truncateEpochsFromEnd,
  truncateEpochsFromStart,
} from './leader-epochs.ts'
import {
  activeSegment,
  checkOrder,
  type LogState,
  type Shared,
  type StorageDirectory,
  segmentIndexAt,
} from './log-state.ts'
import { truncateFullyAndStartAt } from './log-truncate.ts'
import { lastIndexedOffset } from './offset-index.ts'
import { writePartitionMetadata } from './partition-metadata.ts'
import { loadProducers, producerSnapshotOffsets } from './producer-reload.ts'
import { snapshotName } from './producer-snapshot.ts'
import { type Pause, recover } from './recovery.ts'
import { jitterOf } from './roll.ts'
import {
  clearIndexes,
  closeIndexes,
  createSegment,
  indexBatch,
  LOG_SUFFIX,
  OFFSET_INDEX_SUFFIX,
  offsetName,
  openSegment,
  restoreTimestamps,
  type Segment,
  TIME_INDEX_SUFFIX,
} from './segment.ts'
import { MalformedFileError, TEMPORARY } from './small-files.ts'
import { CLEANED, finishSwaps, SWAP } from './swap.ts'
import { emptyTail } from './tail-cache.ts'
import { lastIndexedTime } from './time-index.ts'
import { walkBatches } from './walk.ts'

export type LogOrigin = TopicPartition & {
  shared: Shared
  directory: StorageDirectory
  path: string
  topicId: string
  config: LogConfig
  checkpoints: LogState['checkpoints']
}

export type LogAsLeft = {
  /** From the checkpoints; 0 where they say nothing. */
  startOffset: number
  recoveryPoint: number
  /** undefined where the checkpoint does not name the log. */
  cleanedTo: number | undefined
  /** The node stopped cleanly: what the files say is so. */
  isClean: boolean
}

/** Creates the folder of a partition, empty and beginning at 0. */
export function createLog(origin: LogOrigin): LogState {
  const { directory, path, topicId } = origin
  directory.disk.mkdir(path)
  writePartitionMetadata(directory.disk, path, topicId)
  const log = blankLog(origin)
  log.segments.push(newSegment(log, 0))
  log.namesChanged = true
  log.rollJitterMs = jitterOf(log)
  return log
}

export async function loadLog(origin: LogOrigin, left: LogAsLeft, pause: Pause): Promise<LogState> {
  const quick = left.isClean ? trustAll(origin, left) : undefined
  const log = quick ?? (await verify(origin, left, pause))
  truncateEpochsFromEnd(log.epochs, log.endOffset)
  completeEpochs(log)
  truncateEpochsFromStart(log.epochs, log.startOffset)
  log.producers = loadProducers(log)
  log.rollJitterMs = jitterOf(log)
  return log
}

/** After a clean stop. @returns undefined where the files are not as such a stop leaves them */
function trustAll(origin: LogOrigin, left: LogAsLeft): LogState | undefined {
  const log = blankLog(origin)
  const epochsKnown = findFiles(log, left)
  try {
    for (const segment of log.segments) trust(log, segment)
    const active = activeSegment(log)
    const { endOffset, position } = restoreTimestamps(active, log.shared.files)
    if (position < active.sizeBytes || left.recoveryPoint > endOffset) return undefined
    log.endOffset = endOffset
    settle(log, left.recoveryPoint, endOffset)
    if (!epochsKnown) rebuildEpochs(log)
    return log
  } catch (error) {
    if (error instanceof KafkaError) return undefined
    throw error
  }
}

/** After any other: what lies behind the recovery point is read, and all of it if that is not enough. */
async function verify(origin: LogOrigin, left: LogAsLeft, pause: Pause): Promise<LogState> {
  try {
    return await verifyFrom(origin, left, left.recoveryPoint, pause)
  } catch (error) {
    if (!(error instanceof KafkaError) || left.recoveryPoint === 0) throw error
    return verifyFrom(origin, left, 0, pause)
  }
}

async function verifyFrom(
  origin: LogOrigin,
  left: LogAsLeft,
  from: number,
  pause: Pause,
): Promise<LogState> {
  const log = blankLog(origin)
  const epochsKnown = findFiles(log, left)
  log.recoveryPoint = Math.max(from, log.segments[0]!.baseOffset)
  // A run that was killed may have made files whose names it did not come to sync.
  log.namesChanged = true
  for (const segment of log.segments.slice(0, unsureFrom(log))) trust(log, segment)
  dropUnsureSnapshots(log)
  const heldEnd = await recover(log, pause)
  settle(log, left.recoveryPoint, heldEnd)
  if (!epochsKnown) rebuildEpochs(log)
  return log
}

/** @returns whether the epoch table could be read */
function findFiles(log: LogState, left: LogAsLeft): boolean {
  const epochsKnown = restoreEpochs(log)
  finishSwaps(log)
  findSegments(log)
  dropBelow(log, left.startOffset)
  log.cleanedTo = left.cleanedTo
  if (log.segments.length === 0) {
    log.segments.push(newSegment(log, left.startOffset))
    log.namesChanged = true
  }
  log.startOffset = Math.max(left.startOffset, log.segments[0]!.baseOffset)
  log.recoveryPoint = Math.max(left.recoveryPoint, log.segments[0]!.baseOffset)
  return epochsKnown
}

function blankLog(origin: LogOrigin): LogState {
  const { shared } = origin
  return {
    ...origin,
    segments: [],
    startOffset: 0,
    endOffset: 0,
    recoveryPoint: 0,
    checkpointedRecoveryPoint: 0,
    damage: undefined,
    cleanedTo: undefined,
    cleaning: undefined,
    epochs: { entries: [], changed: false },
    producers: new Map(),
    tail: emptyTail(),
    cursors: [],
    namesChanged: false,
    dropsUnsynced: false,
    lowestEnd: 0,
    flushing: undefined,
    flushingNext: undefined,
    lastFlushMs: shared.clock.now(),
    rollJitterMs: 0,
    isGone: false,
  }
}

const newSegment = ({ shared, directory, path }: LogState, offset: number) =>
  createSegment(shared.files, directory.disk, path, offset, shared.clock.now())

/** @returns false where the table has to be read from the batches */
function restoreEpochs(log: LogState): boolean {
  try {
    const entries = readEpochs(log.directory.disk, log.path)
    log.epochs.entries = entries ?? []
    return entries !== undefined
  } catch (error) {
    if (!(error instanceof MalformedFileError)) throw error
    return false
  }
}

function findSegments(log: LogState) {
  const { disk } = log.directory
  const litter: string[] = []
  for (const name of disk.readdir(log.path)) {
    if (/^\d{20}\.log$/.test(name)) log.segments.push(segmentOf(log, name))
    const path = joinPath(log.path, name)
    // Out of the way at once: this run writes files of the same names.
    if (name.endsWith(TEMPORARY)) disk.unlink(path)
    else if (name.endsWith(CLEANED) || name.endsWith(SWAP)) {
      disk.rename(path, path + DELETED_SUFFIX)
      litter.push(path + DELETED_SUFFIX)
    } else if (name.endsWith(DELETED_SUFFIX)) litter.push(path)
  }
  log.shared.deletions.later(disk, litter, 0)
}

/** Whole segments below the log start are back after a power cut, perhaps not each of them (P15). */
function dropBelow(log: LogState, startOffset: number) {
  const first = segmentIndexAt(log, startOffset)
  if (first > 0) dropSegments(log, log.segments.splice(0, first), 0)
}

function segmentOf(log: LogState, name: string): Segment {
  const { disk } = log.directory
  const offset = Number(name.slice(0, -LOG_SUFFIX.length))
  const base = joinPath(log.path, offsetName(offset))
  const file = disk.stat(base + LOG_SUFFIX)!
  return openSegment(disk, log.path, offset, {
    sizeBytes: file.sizeBytes,
    createdMs: file.modifiedMs,
    offsetBytes: disk.stat(base + OFFSET_INDEX_SUFFIX)?.sizeBytes,
    timeBytes: disk.stat(base + TIME_INDEX_SUFFIX)?.sizeBytes,
  })
}

const unsureFrom = (log: LogState) =>
  Math.max(
    0,
    log.segments.findLastIndex(({ baseOffset }) => baseOffset <= log.recoveryPoint),
  )

/** Takes a segment's indexes as they are, unless they cannot be its own. */
function trust(log: LogState, segment: Segment) {
  const { files } = log.shared
  if (!areIndexesSound(log, segment)) rebuildIndexes(log, segment)
  const indexed = lastIndexedTime(segment.times, files)
  segment.maxTimestamp = indexed?.timestamp ?? -1
  segment.maxTimestampOffset = segment.baseOffset + (indexed?.relativeOffset ?? -1)
}

function areIndexesSound(log: LogState, segment: Segment): boolean {
  const { files } = log.shared
  const { offsets, times, sizeBytes } = segment
  if (!offsets.exists || !times.exists) return false
  const isNeeded = sizeBytes > 0
  const offset = lastIndexedOffset(offsets, files)
  const time = lastIndexedTime(times, files)
  if (offset === undefined) return !isNeeded || (time !== undefined && entryCount(times) <= 1)
  if (offset.relativeOffset <= 0 && entryCount(offsets) > 1) return false
  return offset.position < sizeBytes && (time === undefined || time.relativeOffset >= 0)
}

function rebuildIndexes(log: LogState, segment: Segment) {
  const { files } = log.shared
  clearIndexes(segment, files)
  walkBatches(segment, files, 0, 'headers', (bytes, at, position) => {
    indexBatch(segment, files, bytes, at, position, log.config.indexIntervalBytes)
    return true
  })
  closeIndexes(segment, files)
}

/** Snapshots behind the recovery point may describe batches that a cut has replaced. */
function dropUnsureSnapshots(log: LogState) {
  for (const offset of producerSnapshotOffsets(log)) {
    if (offset > log.recoveryPoint)
      log.directory.disk.unlink(joinPath(log.path, snapshotName(offset)))
  }
}

/** @param heldEnd where the log ended once, as far as its bytes still tell */
function settle(log: LogState, recoveryPoint: number, heldEnd: number) {
  const { endOffset } = log
  if (Math.max(recoveryPoint, heldEnd) > endOffset) {
    log.damage = { endOffset, recoveryPoint, heldEnd }
  }
  if (log.endOffset < log.startOffset) truncateFullyAndStartAt(log, log.startOffset)
  log.recoveryPoint = Math.min(log.recoveryPoint, log.endOffset)
  log.checkpointedRecoveryPoint = Math.max(recoveryPoint, log.recoveryPoint)
  checkOrder(log)
}

/** A log start that was moved and not checkpointed is back, before what the table begins with (P14). */
function completeEpochs(log: LogState) {
  const known = log.epochs.entries
  const first = known[0]
  if (first === undefined || first.startOffset <= log.startOffset) return
  rebuildEpochs(log, first.startOffset)
  for (const { epoch, startOffset } of known) assignEpoch(log.epochs, epoch, startOffset)
}

/** @param upTo from the batches below it */
function rebuildEpochs(log: LogState, upTo = log.endOffset) {
  const epochs: LeaderEpochs = { entries: [], changed: true }
  for (const segment of log.segments) {
    if (segment.baseOffset >= upTo) break
    walkBatches(segment, log.shared.files, 0, 'headers', (bytes, at) => {
      if (baseOffset(bytes, at) >= upTo) return false
      const epoch = partitionLeaderEpoch(bytes, at)
      if (epoch > (latestEpoch(epochs) ?? -1)) assignEpoch(epochs, epoch, baseOffset(bytes, at))
      return true
    })
  }
  log.epochs = epochs
}
