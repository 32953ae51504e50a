/**
 * What happened, in order: a running hash over all of it, the newest lines for a report, and all of
 * them where somebody listens (`--trace FILE`): a JSON object a line.
 *
 *   every line   ms: simulated, since the world began; step: of the scheduler; what
 *   events       what a node logs (with `node`, `level`), and what the world does: `start`, `kill`,
 *                `stop`, `powerCut`, `fault`, `healed`, `workload`
 *
 * Only for who listens, neither kept nor hashed, so that a history is the same with and without:
 *
 *   message      event: sent, lost (with `why`), held (by a scenario), arrived; id: of the message;
 *                from, to: nodes; api: as `Fetch`, `Fetch answer`, `probe`; bytes. One that is sent
 *                once and repeated arrives twice.
 *   client       event: sent, arrived; from, to: `client` or the address of a listener; connection;
 *                apiKey (requests only) and correlationId; bytes, without the length
 *   timer        event: set (with `inMs`), fired, cleared; node (0: the clients' machine); id
 *   disk         node; op: a call of the port `Disk`; path; position and bytes where it has some;
 *                failed: the system's error. A `datasync` has a second line, with op `datasync done`.
 *   chart        node; chart: its name; actor: its id; on: the event's type; from, to: state values (from: null when
 *                it starts); status, once it is not active any more
 */
import { createHash } from 'node:crypto'

export type TraceEvent = { ms: number; step: number; what: string; [field: string]: unknown }

export type Trace = {
  note(what: string, fields: Record<string, unknown>): void
  /** For what is too frequent to keep as a line: it counts for the hash only. */
  mix(...parts: (string | number)[]): void
  /** Of no consequence for the history; absent where nobody listens. */
  readonly detail: Tell | undefined
  recent(): TraceEvent[]
  hash(): string
}

export type Tell = (what: string, fields: Record<string, unknown>) => void

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

  const eventOf = (what: string, fields: Record<string, unknown>): TraceEvent => ({
    ms: Math.round(now() * 1000) / 1000,
    step: step(),
    what,
    ...fields,
  })

  return {
    note(what, fields) {
      const event = eventOf(what, fields)
      add(`${JSON.stringify(event)}\n`)
      ring.push(event)
      if (ring.length > recentMax * 2) ring.splice(0, recentMax)
      sink?.(event)
    },
    detail: sink && ((what, fields) => sink(eventOf(what, fields))),
    mix: (...parts) => add(`${now()} ${parts.join(' ')}\n`),
    recent: () => ring.slice(-recentMax),
    hash: () => hash.copy().update(pending).digest('hex').slice(0, 16),
  }
}
