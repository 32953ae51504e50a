/**
 * Whether a message is older than its deadline, though the clocks of two nodes have nothing to do
 * with each other: the quickest message of a while shows how far they are apart, and what took
 * longer than that by more than its timeout lay somewhere (a stopped server, a full socket).
 */

/** Two clocks may drift apart this much between two windows; younger messages are never dropped. */
const toleranceMs = 100
const windowMs = 60_000
const sendersMax = 4096

type Apart = { least: number; leastBefore: number; windowFrom: number }

export function staleness() {
  const senders = new Map<string, Apart>()

  /** @param sentAt ms of the sender's clock, modulo 2^32 */
  return (incarnationId: string, sentAt: number, timeoutMs: number, now: number): boolean => {
    const took = (Math.floor(now) - sentAt) | 0
    let apart = senders.get(incarnationId)
    if (apart === undefined) {
      if (senders.size >= sendersMax) senders.delete(senders.keys().next().value!)
      apart = { least: took, leastBefore: took, windowFrom: now }
      senders.set(incarnationId, apart)
    }
    if (now - apart.windowFrom > windowMs) {
      apart.leastBefore = apart.least
      apart.least = took
      apart.windowFrom = now
    }
    if (isLess(took, apart.least)) apart.least = took
    const least = isLess(apart.least, apart.leastBefore) ? apart.least : apart.leastBefore
    return ((took - least) | 0) > timeoutMs + toleranceMs
  }
}

/** Modulo 2^32, as far as the two are less than 24 days apart. */
const isLess = (a: number, b: number): boolean => ((a - b) | 0) < 0
