/**
 * Ends connections that were idle for too long (`connections.max.idle.ms`). One look at all of them
 * serves now and then, so that a connection may live a little longer than its time.
 */
import type { LinkClock } from '../links/link.ts'
import type { Timer } from '../timers.ts'

/** A connection: when it last sent or was sent anything, by the monotonic clock. */
export type Idling = { readonly activeAt: number; expire(): void }

/** @param idleMs asked at each look, since it may change; below 0: for ever */
export function idleSweep(rows: Iterable<Idling>, clock: LinkClock, idleMs: () => number) {
  let timer: Timer | undefined

  function sweep(): void {
    const most = idleMs()
    const now = clock.monotonic()
    for (const row of [...rows]) if (most >= 0 && now - row.activeAt > most) row.expire()
    begin()
  }

  function begin(): void {
    timer = clock.setTimeout(sweep, sweepEveryMs(idleMs()))
  }

  return {
    begin,
    end() {
      if (timer !== undefined) clock.clearTimeout(timer)
      timer = undefined
    },
  }
}

export const sweepEveryMs = (idleMs: number): number => Math.max(50, Math.min(idleMs / 4, 10_000))
