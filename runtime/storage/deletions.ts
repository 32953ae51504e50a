/**
 * Files that are renamed now and unlinked later, off the loop: a GiB takes 0.2 s. One tree after the
 * other, since a topic of a thousand partitions would keep all four threads of the pool from the syncs
 * of commits. What is still waiting when the node stops is found by its name at the next start.
 */
import type { Clock } from '../../actors/ports/clock.ts'
import type { Timer } from '../../transport/timers.ts'
import type { Disk } from '../disk/disk.ts'

export const DELETED_SUFFIX = '.deleted'

export type Deletions = {
  later(disk: Disk, paths: string[], delayMs: number): void
  stop(): void
}

export function createDeletions(clock: Clock): Deletions {
  const timers = new Set<Timer>()
  let isStopped = false
  let last = Promise.resolve()

  async function removeAll(disk: Disk, paths: string[]) {
    try {
      for (const path of paths) {
        if (isStopped) return
        await disk.removeTree(path)
      }
    } catch {
      // The directory is offline now, and its listeners know.
    }
  }

  return {
    later(disk, paths, delayMs) {
      if (isStopped) return
      const timer = clock.setTimeout(() => {
        timers.delete(timer)
        last = last.then(() => removeAll(disk, paths))
      }, delayMs)
      timers.add(timer)
    },
    stop() {
      isStopped = true
      for (const timer of timers) clock.clearTimeout(timer)
      timers.clear()
    },
  }
}
