/** What `npm run simulate` says: a line that counts, and a failure with what led to it. */
import pc from 'picocolors'
import type { Told } from './told.ts'

const reportedLines = 60

export type Tally = {
  add(told: Told): void
  line(): string
  /** Names of faults → how often each was hit. */
  hits(): ReadonlyMap<string, number>
  simulatedMs(): number
  violations(): number
  seeds(): number
}

export function createTally(): Tally {
  const total = { seeds: 0, ms: 0, elections: 0, isr: 0, acked: 0, faults: 0, violations: 0 }
  const hits = new Map<string, number>()
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  return {
    add({ simulatedMs, elections, isrChanges, ackedRecords, faults, messages, failure }) {
      for (const [name, count] of Object.entries({ ...faults, ...messages })) {
        hits.set(name, (hits.get(name) ?? 0) + count)
      }
      total.seeds++
      total.ms += simulatedMs
      total.elections += elections
      total.isr += isrChanges
      total.acked += ackedRecords
      total.faults += Object.values(faults).reduce((sum, count) => sum + count, 0)
      if (failure !== undefined) total.violations++
    },
    line() {
      const realMs = performance.now() - startedAt
      const { user, system } = process.cpuUsage(cpuBefore)
      return [
        `${total.seeds} seeds`,
        `${(total.ms / 3_600_000).toFixed(2)} h simulated`,
        `${(total.ms / realMs).toFixed(0)}x real time (${((total.ms * 1_000) / (user + system)).toFixed(0)}x a core)`,
        `${total.faults} faults`,
        `${total.elections} elections`,
        `${total.isr} ISR changes`,
        `${total.acked} records acknowledged`,
        ...(total.violations > 0 ? [pc.red(`${total.violations} violations`)] : []),
      ].join(', ')
    },
    hits: () => hits,
    simulatedMs: () => total.ms,
    violations: () => total.violations,
    seeds: () => total.seeds,
  }
}

export function reportFailure(told: Told, replay: string): void {
  const { failure, seed, steps, simulatedMs } = told
  if (failure === undefined) return
  const { rule, message, stack, recent, states } = failure
  console.error(`\n${pc.red('violated')}  ${rule === undefined ? stack : message}`)
  console.error(`seed ${seed}, step ${steps}, ${simulatedMs} ms`)
  console.error('the nodes believed:')
  for (const state of Object.values(states)) console.error(`  ${JSON.stringify(state)}`)
  console.error('what led to it:')
  for (const { ms, what, step: _, ...fields } of recent.slice(-reportedLines)) {
    console.error(`  ${ms.toFixed(1).padStart(10)}  ${what}  ${JSON.stringify(fields)}`)
  }
  console.error(`replay: ${replay}`)
}
