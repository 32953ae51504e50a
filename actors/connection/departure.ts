/**
 * The end of a client's connection, for whoever waits on its behalf: what is parked for a client that
 * went away is dropped with it, so that nobody fills our memory by asking and hanging up (W5).
 */
export type Departure = {
  /** Calls once when the connection is over: at once if it is. @returns takes it back */
  whenOver(then: () => void): () => void
}

export function createDeparture(): Departure & { over(): void } {
  /** Most connections never have anybody wait. */
  let waiting: Set<() => void> | undefined
  let isOver = false
  return {
    whenOver(then) {
      if (isOver) {
        then()
        return () => {}
      }
      waiting ??= new Set()
      waiting.add(then)
      return () => void waiting?.delete(then)
    },
    over() {
      isOver = true
      const told = waiting
      waiting = undefined
      for (const then of told ?? []) then()
    },
  }
}
