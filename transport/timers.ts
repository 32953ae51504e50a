/** Timers as handed in from above: links and listeners measure their deadlines with them. */
export type Timer = { readonly timer: unique symbol }

export type Timers = {
  /** Calls `fn` once after `ms`; never in the same turn. */
  setTimeout(fn: () => void, ms: number): Timer
  clearTimeout(timer: Timer): void
}
