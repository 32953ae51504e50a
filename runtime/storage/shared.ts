/** What the logs of one store share, made once. */
import type { Clock } from '../../actors/ports/clock.ts'
import { createDeletions } from './deletions.ts'
import type { LogState, Shared } from './log-state.ts'
import { createOpenFiles } from './open-files.ts'
import { createSyncQueue } from './sync-queue.ts'
import { createTailCache } from './tail-cache.ts'

export type SharedOptions = {
  clock: Clock
  /** File handles held open at a time. */
  openFilesMax: number
  /** Of what was appended last, in memory. */
  tailBytesMax: number
  /** Syncs in flight; together below the size of the thread pool (4). */
  syncsMax: number
}

export const createShared = (options: SharedOptions): Shared => ({
  clock: options.clock,
  files: createOpenFiles(options.openFilesMax),
  syncs: createSyncQueue(options.syncsMax),
  tail: createTailCache(options.tailBytesMax),
  deletions: createDeletions(options.clock),
})

/** Lets go of files and timers; what syncs are in flight come back to nothing. */
export function closeShared(shared: Shared, logs: Iterable<LogState>) {
  for (const log of logs) log.isGone = true
  shared.deletions.stop()
  shared.files.closeAll()
}
