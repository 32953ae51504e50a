/** Time that moves only when a test says so; due timers run in order, promises settle in between. */
import type { Clock } from '../../actors/ports/clock.ts'
import type { Timer } from '../../transport/timers.ts'

export type FakeClock = Clock & {
  /** Runs what falls due within the next `ms`. */
  advance(ms: number): Promise<void>
  /** Runs the timer that is due next. @returns false when there is none */
  step(): Promise<boolean>
  /** The process stood still: time is gone, and timers run only now, late. */
  stall(ms: number): Promise<void>
  pendingTimers(): number
}

export function fakeClock(startMs = 1_000_000): FakeClock {
  type Due = { at: number; order: number; fn: () => void }
  const timers = new Set<Due>()
  let now = startMs
  let order = 0

  const next = (until: number): Due | undefined => {
    let first: Due | undefined
    for (const due of timers) {
      const isEarlier =
        first === undefined || due.at < first.at || (due.at === first.at && due.order < first.order)
      if (due.at <= until && isEarlier) first = due
    }
    return first
  }

  async function runUntil(end: number): Promise<void> {
    await settled()
    for (let due = next(end); due !== undefined; due = next(end)) {
      timers.delete(due)
      now = Math.max(now, due.at)
      due.fn()
      await settled()
    }
    now = Math.max(now, end)
  }

  return {
    now: () => now,
    monotonic: () => now,
    setTimeout(fn, ms) {
      const due: Due = { at: now + Math.max(0, ms), order: order++, fn }
      timers.add(due)
      return due as unknown as Timer
    },
    clearTimeout(timer) {
      timers.delete(timer as unknown as Due)
    },
    advance: (ms) => runUntil(now + ms),
    async step() {
      const due = next(Number.POSITIVE_INFINITY)
      if (due !== undefined) await runUntil(due.at)
      return due !== undefined
    },
    stall(ms) {
      now += ms
      return runUntil(now)
    },
    pendingTimers: () => timers.size,
  }
}

/** All promises that can settle without time have settled. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
