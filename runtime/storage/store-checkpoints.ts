/**
 * The offset checkpoints of one log directory, as read at the start and written while running.
 *
 * What they say may lag: a high watermark and a log start are raised again by whoever knows better,
 * a recovery point that is too low costs reading. Only one that is too high would lie, so a cut
 * below it is written at once.
 */
import type { Logger } from '../../actors/log.ts'
import {
  CLEANER_OFFSETS,
  formatOffsets,
  HIGH_WATERMARKS,
  LOG_STARTS,
  type OffsetEntry,
  RECOVERY_POINTS,
  readOffsets,
} from './checkpoints.ts'
import { groupCommit } from './group-commit.ts'
import type { LogState, StorageDirectory } from './log-state.ts'
import { MalformedFileError, replaceFile, replaceFileLater } from './small-files.ts'

export type DirectoryCheckpoints = {
  highWatermarks: Map<string, number>
  recoveryPoints: Map<string, number>
  logStarts: Map<string, number>
  cleanerOffsets: Map<string, number>
}

/** A damaged checkpoint is as one that says nothing: all is read again from the logs. */
export function readCheckpoints(directory: StorageDirectory, logger: Logger): DirectoryCheckpoints {
  const read = (name: string) => {
    try {
      return readOffsets(directory.disk, directory.path, name) ?? new Map<string, number>()
    } catch (error) {
      if (!(error instanceof MalformedFileError)) throw error
      logger.warn({ directory: directory.path, why: error.message }, 'checkpoint ignored')
      return new Map<string, number>()
    }
  }
  return {
    highWatermarks: read(HIGH_WATERMARKS),
    recoveryPoints: read(RECOVERY_POINTS),
    logStarts: read(LOG_STARTS),
    cleanerOffsets: read(CLEANER_OFFSETS),
  }
}

export type CheckpointWriter = {
  /** In the background; what is asked for while one is under way is written with the next. */
  write(highWatermarks: ReadonlyMap<string, number>): void
  /** Durable when it returns. */
  writeNow(highWatermarks: ReadonlyMap<string, number>): void
  writeRecoveryPoints(): void
  writeCleanerOffsets(): void
  /** The same off the loop. */
  writeCleanerOffsetsLater(): Promise<void>
}

export function checkpointWriter(
  { disk, path }: StorageDirectory,
  logs: () => LogState[],
): CheckpointWriter {
  let isWriting = false
  /** Raised by each write on the spot: one in the background that began before it is dropped. */
  let generation = 0
  let cleanerGeneration = 0

  const offsets = (offsetOf: (log: LogState) => number | undefined): OffsetEntry[] =>
    logs().flatMap((log) => {
      const offset = offsetOf(log)
      const { topic, partition } = log
      return offset === undefined ? [] : [{ topic, partition, offset }]
    })
  const recoveryPoints = () =>
    formatOffsets(
      offsets((log) => {
        log.checkpointedRecoveryPoint = Math.max(log.checkpointedRecoveryPoint, log.recoveryPoint)
        return log.recoveryPoint
      }),
    )
  const cleanerOffsets = () => formatOffsets(offsets(({ cleanedTo }) => cleanedTo))
  const writeCleanerOffsetsLater = groupCommit(() => {
    const begun = cleanerGeneration
    const isWanted = () => cleanerGeneration === begun
    return replaceFileLater(disk, path, CLEANER_OFFSETS, cleanerOffsets(), isWanted)
  })
  const contents = (highWatermarks: ReadonlyMap<string, number>): [string, () => string][] => [
    [RECOVERY_POINTS, recoveryPoints],
    [LOG_STARTS, () => formatOffsets(offsets(raisedStart))],
    [
      HIGH_WATERMARKS,
      () => formatOffsets(offsets((log) => highWatermarks.get(`${log.topic}-${log.partition}`))),
    ],
  ]

  async function writeAll(highWatermarks: ReadonlyMap<string, number>) {
    isWriting = true
    const begun = generation
    const isWanted = () => generation === begun
    try {
      for (const [name, content] of contents(highWatermarks)) {
        if (isWanted()) await replaceFileLater(disk, path, name, content(), isWanted)
      }
    } catch {
      // The directory is offline now, and its listeners know.
    } finally {
      isWriting = false
    }
  }

  return {
    write(highWatermarks) {
      if (!isWriting) void writeAll(highWatermarks)
    },
    writeNow(highWatermarks) {
      generation++
      cleanerGeneration++
      for (const log of logs()) log.checkpointedRecoveryPoint = log.recoveryPoint
      for (const [name, content] of contents(highWatermarks)) {
        replaceFile(disk, path, name, content())
      }
      replaceFile(disk, path, CLEANER_OFFSETS, cleanerOffsets())
    },
    writeRecoveryPoints() {
      generation++
      for (const log of logs()) log.checkpointedRecoveryPoint = log.recoveryPoint
      replaceFile(disk, path, RECOVERY_POINTS, recoveryPoints())
    },
    writeCleanerOffsets() {
      cleanerGeneration++
      replaceFile(disk, path, CLEANER_OFFSETS, cleanerOffsets())
    },
    writeCleanerOffsetsLater,
  }
}

/** Kafka names only the logs whose start is not that of their first segment. */
const raisedStart = (log: LogState) =>
  log.startOffset > log.segments[0]!.baseOffset ? log.startOffset : undefined
