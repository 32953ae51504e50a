/**
 * What happened, in order: a running hash over all of it, the newest lines for a report, and all of
 * them where somebody listens.
 */
import { createHash } from 'node:crypto'

export type TraceEvent = { ms: number; step: number; what: string; [field: string]: unknown }

export type Trace = {
  note(what: string, fields: Record<string, unknown>): void
  /** For what is too frequent to keep as a line: it counts for the hash only. */
  mix(...parts: (string | number)[]): void
  recent(): TraceEvent[]
  hash(): string
}

const recentMax = 400

export function createTrace(
  now: () => number,
  step: () => number,
  sink?: (event: TraceEvent) => void,
): Trace {
  const hash = createHash('sha256')
  const ring: TraceEvent[] = []
  let pending = ''

  function add(text: string): void {
    pending += text
    if (pending.length < 16_384) return
    hash.update(pending)
    pending = ''
  }

  return {
    note(what, fields) {
      const event: TraceEvent = {
        ms: Math.round(now() * 1000) / 1000,
        step: step(),
        what,
        ...fields,
      }
      add(`${JSON.stringify(event)}\n`)
      ring.push(event)
      if (ring.length > recentMax * 2) ring.splice(0, recentMax)
      sink?.(event)
    },
    mix: (...parts) => add(`${now()} ${parts.join(' ')}\n`),
    recent: () => ring.slice(-recentMax),
    hash: () => hash.copy().update(pending).digest('hex').slice(0, 16),
  }
}
