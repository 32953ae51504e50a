/**
 * Fetches of the metadata log that wait for something to say: records, a new high watermark or
 * the end of the leadership, at the latest after their long poll. One a replica: a second one
 * says that the first is given up.
 */
import type { Clock } from '../ports/clock.ts'

export type Parked = {
  /** Who asks, and from which incarnation. */
  who: string
  offset: number
  /** As the fetcher knows it. */
  highWatermark: number
  answer: () => void
}

export type ParkedFetches = {
  park(fetch: Parked, maxWaitMs: number): void
  /** Answers those that may learn something from this state of the log. */
  wake(endOffset: number, highWatermark: number): void
  wakeAll(): void
}

export function createParkedFetches(clock: Clock): ParkedFetches {
  const parked = new Map<string, { fetch: Parked; timer: ReturnType<Clock['setTimeout']> }>()

  function release(who: string): void {
    const entry = parked.get(who)
    if (entry === undefined) return
    parked.delete(who)
    clock.clearTimeout(entry.timer)
    entry.fetch.answer()
  }

  return {
    park(fetch, maxWaitMs) {
      release(fetch.who)
      const timer = clock.setTimeout(() => release(fetch.who), maxWaitMs)
      parked.set(fetch.who, { fetch, timer })
    },
    wake(endOffset, highWatermark) {
      for (const { fetch } of [...parked.values()]) {
        const news = fetch.offset < endOffset || fetch.highWatermark < highWatermark
        if (news) release(fetch.who)
      }
    },
    wakeAll() {
      for (const who of [...parked.keys()]) release(who)
    },
  }
}
