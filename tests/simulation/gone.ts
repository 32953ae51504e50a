/**
 * Of whom a server told a prober, long enough to be believed, that nobody listens there: a route that
 * is split, a permission that is revoked or a node that reconnects look as one that died (N7). It
 * counts only where the prober had heard that incarnation, by whatever it sent, since its own link was
 * down.
 */
export type Gone = {
  heard(asker: number, incarnationId: string): void
  refused(asker: number, incarnationId: string): void
  /** The asker's link is down. */
  forget(asker: number): void
  /** Whether the asker may have believed so within this time. */
  wasBelieved(asker: number, incarnationId: string, withinMs: number): boolean
}

type Said = { isHeard: boolean; since: number | undefined; believedAt: number }

/** Of a prober's grace: its clock may be quick. */
const believedAfterMs = 150

export function createGone(now: () => number): Gone {
  const said = new Map<number, Map<string, Said>>()

  return {
    heard(asker, incarnationId) {
      const of = said.get(asker) ?? new Map<string, Said>()
      said.set(asker, of)
      const { believedAt = Number.NEGATIVE_INFINITY } = of.get(incarnationId) ?? {}
      of.set(incarnationId, { isHeard: true, since: undefined, believedAt })
    },
    refused(asker, incarnationId) {
      const known = said.get(asker)?.get(incarnationId)
      if (!known?.isHeard) return
      known.since ??= now()
      if (now() - known.since >= believedAfterMs) known.believedAt = now()
    },
    forget(asker) {
      // What was believed until now may yet be committed.
      for (const each of said.get(asker)?.values() ?? []) {
        each.isHeard = false
        each.since = undefined
      }
    },
    wasBelieved: (asker, incarnationId, withinMs) =>
      (said.get(asker)?.get(incarnationId)?.believedAt ?? Number.NEGATIVE_INFINITY) >=
      now() - withinMs,
  }
}
