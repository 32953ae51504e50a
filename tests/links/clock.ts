/** Real time, for tests of what talks to real sockets. */
import type { LinkClock } from '../../transport/links/link.ts'
import type { Timer } from '../../transport/timers.ts'

export const realClock: LinkClock = {
  monotonic: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms) as unknown as Timer,
  clearTimeout: (timer) => clearTimeout(timer as unknown as NodeJS.Timeout),
}
