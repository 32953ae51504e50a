/**
 * Time, as every actor sees it: the real one in a process, a heap of timers in simulation.
 *
 * The shape of `setTimeout` and `clearTimeout` is XState's, so a clock can be handed to `createActor`.
 */
import type { Timers } from '../../transport/timers.ts'

export type Clock = Timers & {
  /** Wall clock, ms since the epoch. It may step; only timestamps are taken from it. */
  now(): number
  /** Ms since some fixed moment; never goes back. Durations and deadlines are taken from it. */
  monotonic(): number
}
