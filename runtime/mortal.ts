/**
 * `kill -9` for a node that shares its process with others: from the kill on its timers never fire,
 * its disk takes nothing more, and what it awaits never comes. What it wrote before stays written.
 */
import type { Clock } from '../actors/ports/clock.ts'
import type { Timer } from '../transport/timers.ts'
import type { Disk } from './disk/disk.ts'

export type Life = { isOver(): boolean; end(): void; onEnd(then: () => void): void }

export function beginLife(): Life {
  const endings: (() => void)[] = []
  let over = false
  return {
    isOver: () => over,
    end() {
      if (over) return
      over = true
      for (const ending of endings) ending()
    },
    onEnd: (then) => void endings.push(then),
  }
}

export function mortalClock(clock: Clock, life: Life): Clock {
  const pending = new Set<Timer>()
  life.onEnd(() => {
    for (const timer of pending) clock.clearTimeout(timer)
    pending.clear()
  })
  return {
    now: clock.now,
    monotonic: clock.monotonic,
    setTimeout(fn, ms) {
      if (life.isOver()) return clock.setTimeout(() => {}, 0)
      const timer = clock.setTimeout(() => {
        pending.delete(timer)
        fn()
      }, ms)
      pending.add(timer)
      return timer
    },
    clearTimeout(timer) {
      pending.delete(timer)
      clock.clearTimeout(timer)
    },
  }
}

const never = new Promise<never>(() => {})

/** Calls of the dead throw; descriptors that are still open are closed at the end of the life. */
export function mortalDisk(disk: Disk, life: Life): Disk {
  const open = new Set<number>()
  const locks = new Set<() => void>()
  life.onEnd(() => {
    for (const fd of open) disk.close(fd)
    for (const release of locks) release()
    open.clear()
    locks.clear()
  })
  const alive = <Args extends unknown[], T>(act: (...args: Args) => T) => {
    return (...args: Args): T => {
      if (life.isOver()) throw new Error('this node was killed')
      return act(...args)
    }
  }
  const aliveLater = <Args extends unknown[]>(act: (...args: Args) => Promise<void>) => {
    return async (...args: Args): Promise<void> => {
      if (life.isOver()) return never
      try {
        await act(...args)
      } catch (cause) {
        if (!life.isOver()) throw cause
      }
      if (life.isOver()) await never
    }
  }
  return {
    open: alive((path, mode) => {
      const fd = disk.open(path, mode)
      open.add(fd)
      return fd
    }),
    close(fd) {
      if (open.delete(fd)) disk.close(fd)
    },
    read: alive(disk.read),
    write: alive(disk.write),
    writev: alive(disk.writev),
    truncate: alive(disk.truncate),
    rename: alive(disk.rename),
    mkdir: alive(disk.mkdir),
    readdir: alive(disk.readdir),
    stat: alive(disk.stat),
    space: alive(disk.space),
    unlink: alive(disk.unlink),
    readFile: alive(disk.readFile),
    writeFile: alive(disk.writeFile),
    sync: alive(disk.sync),
    syncDirectory: alive(disk.syncDirectory),
    datasync: aliveLater(disk.datasync),
    datasyncDirectory: aliveLater(disk.datasyncDirectory),
    removeTree: aliveLater(disk.removeTree),
    lock: alive((path) => {
      const lock = disk.lock(path)
      if (typeof lock === 'string') return lock
      const release = () => lock.release()
      locks.add(release)
      return {
        release() {
          if (locks.delete(release)) release()
        },
      }
    }),
  }
}
