/**
 * Whether this process kept up: a loop that stalled has heartbeats waiting in its queues, so what it
 * did not hear says nothing about who sent it (M6).
 */
import type { Clock } from '../ports/clock.ts'

const pulseMs = 250
/** A pulse this much too late is a stall. */
const toleratedMs = 500

export type StallWatch = {
  /** No stall within the grace before now. */
  keptUp(): boolean
  stop(): void
}

export function watchStalls(clock: Clock, graceMs: number): StallWatch {
  let last = clock.monotonic()
  let stalledAt = Number.NEGATIVE_INFINITY
  const note = (): void => {
    const now = clock.monotonic()
    if (now - last > pulseMs + toleratedMs) stalledAt = now
    last = now
  }
  const pulse = (): void => {
    note()
    timer = clock.setTimeout(pulse, pulseMs)
  }
  let timer = clock.setTimeout(pulse, pulseMs)
  return {
    keptUp() {
      // Whoever asks may run before the pulse that is as late as itself.
      note()
      return clock.monotonic() - stalledAt >= graceMs
    },
    stop: () => clock.clearTimeout(timer),
  }
}
