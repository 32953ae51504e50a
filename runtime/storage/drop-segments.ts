/** Takes the files of segments that are no longer listed out of sight, and unlinks them later. */
import { DELETED_SUFFIX } from './deletions.ts'
import type { LogState } from './log-state.ts'
import { type Segment, segmentFiles } from './segment.ts'

export function dropSegments(log: LogState, dropped: Segment[], delayMs: number) {
  const paths = hideSegments(log, dropped)
  if (paths.length > 0) log.shared.deletions.later(log.directory.disk, paths, delayMs)
}

/** @returns what is to be unlinked */
export function hideSegments(log: LogState, dropped: Segment[]): string[] {
  return dropped.flatMap((segment) => {
    segment.isDropped = true
    return segmentFiles(segment).map((file) => {
      log.shared.files.close(file)
      log.directory.disk.rename(file.path, file.path + DELETED_SUFFIX)
      return file.path + DELETED_SUFFIX
    })
  })
}
