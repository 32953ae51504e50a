/** The clock of a real process. */
import { performance } from 'node:perf_hooks'
import type { Clock } from '../actors/ports/clock.ts'
import type { Timer } from '../transport/timers.ts'

/** The longest delay that Node keeps; it would fire at once for anything above. */
const longestMs = 2_147_483_647

type NodeTimer = ReturnType<typeof setTimeout>

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, Math.min(Math.max(ms, 0), longestMs)) as unknown as Timer,
  clearTimeout: (timer) => clearTimeout(timer as unknown as NodeTimer),
}
