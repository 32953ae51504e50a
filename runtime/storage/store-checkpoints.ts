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
  partitionName,
  RECOVERY_POINTS,
  readOffsets,
} from './checkpoints.ts'
import { groupCommit } from './group-commit.ts'
import { type LogState, promisedOffset, type StorageDirectory } from './log-state.ts'
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

export type CheckpointFile = {
  /** Durable when it returns. */
  write(): void
  /** Off the loop, durable when it resolves; one at a time, and who comes meanwhile shares the next. */
  writeLater(): Promise<void>
}

export type CheckpointFiles = Record<keyof DirectoryCheckpoints, CheckpointFile>

/**
 * @param left what they say until they are written
 * @param highWatermarks by partition name, as they are when it is written
 */
export function checkpointFiles(
  { disk, path }: StorageDirectory,
  left: DirectoryCheckpoints,
  logs: () => LogState[],
  highWatermarks: ReadonlyMap<string, number>,
) {
  function file(
    name: string,
    said: ReadonlyMap<string, number>,
    offsetOf: (log: LogState) => number | undefined,
  ): CheckpointFile & { names(partition: string): boolean } {
    /** Where a write is under way, before it and behind it. */
    let named: ReadonlySet<string> = new Set(said.keys())
    /** Raised by each write on the spot: one in the background that began before it is dropped. */
    let generation = 0
    let written: string | undefined
    const entries = () =>
      logs().flatMap((log): OffsetEntry[] => {
        const offset = offsetOf(log)
        const { topic, partition } = log
        return offset === undefined ? [] : [{ topic, partition, offset }]
      })
    const writeLater = groupCommit(async () => {
      const begun = ++generation
      const isWanted = () => generation === begun
      const told = entries()
      const next = formatOffsets(told)
      if (next === written) return
      written = undefined
      const names = told.map(partitionName)
      named = new Set([...named, ...names])
      await replaceFileLater(disk, path, name, next, isWanted)
      if (!isWanted()) return
      written = next
      named = new Set(names)
    })
    return {
      names: (partition) => named.has(partition),
      write() {
        generation++
        written = undefined
        const told = entries()
        const next = formatOffsets(told)
        replaceFile(disk, path, name, next)
        written = next
        named = new Set(told.map(partitionName))
      },
      writeLater,
    }
  }

  const files = {
    recoveryPoints: file(RECOVERY_POINTS, left.recoveryPoints, (log) => {
      const offset = promisedOffset(log)
      log.checkpointedRecoveryPoint = Math.max(log.checkpointedRecoveryPoint, offset)
      return offset
    }),
    logStarts: file(LOG_STARTS, left.logStarts, raisedStart),
    highWatermarks: file(HIGH_WATERMARKS, left.highWatermarks, (log) =>
      highWatermarks.get(partitionName(log)),
    ),
    cleanerOffsets: file(CLEANER_OFFSETS, left.cleanerOffsets, ({ cleanedTo }) => cleanedTo),
  }
  return {
    files: files as CheckpointFiles,
    /**
     * Before a log is created: what is still said of one of that name that is gone, a restart would
     * take for said of the new one. Durable when it returns.
     */
    forget(partition: string): void {
      for (const each of Object.values(files)) if (each.names(partition)) each.write()
    },
  }
}

/** Kafka names only the logs whose start is not that of their first segment, as a power cut leaves it. */
const raisedStart = ({ startOffset, segments, dropsUnsynced }: LogState) =>
  dropsUnsynced || startOffset > segments[0]!.baseOffset ? startOffset : undefined
