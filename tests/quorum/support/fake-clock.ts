/** Time that stands still until it is told to go on; timers fire in order of time, then of age. */
import type { Clock } from '../../../actors/ports/clock.ts'
import type { Timer } from '../../../transport/timers.ts'

export type FakeClock = Clock & {
  /** Runs the next timer and all promises behind it. @returns false when there is none */
  step(): Promise<boolean>
  advance(ms: number): Promise<void>
  settled(): Promise<void>
}

type Entry = { at: number; order: number; fn: () => void }

export function fakeClock(afterStep: () => void = () => {}): FakeClock {
  const started = 1_700_000_000_000
  let now = 0
  let order = 0
  const entries = new Map<number, Entry>()

  const next = (): Entry | undefined => {
    let first: Entry | undefined
    for (const entry of entries.values()) {
      const isEarlier =
        first === undefined ||
        entry.at < first.at ||
        (entry.at === first.at && entry.order < first.order)
      if (isEarlier) first = entry
    }
    return first
  }
  const settled = () => new Promise<void>((done) => void setImmediate(done))

  async function run(entry: Entry): Promise<void> {
    entries.delete(entry.order)
    now = Math.max(now, entry.at)
    entry.fn()
    await settled()
    afterStep()
  }

  return {
    now: () => started + now,
    monotonic: () => now,
    setTimeout(fn, ms) {
      const id = ++order
      entries.set(id, { at: now + Math.max(0, ms), order: id, fn })
      return id as unknown as Timer
    },
    clearTimeout(timer) {
      entries.delete(timer as unknown as number)
    },
    settled,
    async step() {
      const entry = next()
      if (entry !== undefined) await run(entry)
      return entry !== undefined
    },
    async advance(ms) {
      const until = now + ms
      await settled()
      for (let entry = next(); entry !== undefined && entry.at <= until; entry = next()) {
        await run(entry)
      }
      now = until
    },
  }
}
