/**
 * Whether a message is older than its deadline, though the clocks of two nodes have nothing to do
 * with each other: the quickest message of a while shows how far they are apart, and what took
 * longer than that by more than its timeout lay somewhere (a stopped server, a full socket).
 *
 * A sender whose clock stood still for a while (a machine that was suspended) falls behind by that,
 * and all that it sends looks old. An answer tells: it was on its way no longer than since it was asked for.
 */

/** Two clocks may drift apart this much between two windows; younger messages are never dropped. */
const toleranceMs = 100
const windowMs = 60_000
const sendersMax = 4096

type Apart = { least: number; leastBefore: number; windowFrom: number }

export type Staleness = ReturnType<typeof staleness>

export function staleness() {
  const senders = new Map<string, Apart>()

  function heard(incarnationId: string, took: number, now: number): Apart {
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
    return apart
  }

  return {
    /** @param sentAt ms of the sender's clock, modulo 2^32 */
    isStale(incarnationId: string, sentAt: number, timeoutMs: number, now: number): boolean {
      const took = (Math.floor(now) - sentAt) | 0
      const { least, leastBefore } = heard(incarnationId, took, now)
      return ((took - lesser(least, leastBefore)) | 0) > timeoutMs + toleranceMs
    },
    /** @param roundTripMs since its sender was asked for this answer */
    answered(incarnationId: string, sentAt: number, roundTripMs: number, now: number): void {
      const took = (Math.floor(now) - sentAt) | 0
      const apart = heard(incarnationId, took, now)
      const atLeast = (took - Math.ceil(roundTripMs)) | 0
      if (isLess(apart.least, atLeast)) apart.least = atLeast
      if (isLess(apart.leastBefore, atLeast)) apart.leastBefore = atLeast
    },
  }
}

const lesser = (a: number, b: number): number => (isLess(a, b) ? a : b)

/** Modulo 2^32, as far as the two are less than 24 days apart. */
const isLess = (a: number, b: number): boolean => ((a - b) | 0) < 0
