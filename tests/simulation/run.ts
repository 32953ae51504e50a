/**
 * `npm run simulate`: seeds, one after the other, until stopped or told otherwise.
 *
 *   --seed N          replays one exactly
 *   --seeds A..B      these, in order
 *   --minutes M       stops after so much simulated time
 *   --nodes N         brokers; absent: the seed draws
 *   --controllers N   dedicated controllers; 0: the brokers are controllers, too
 *   --faulty S        simulated seconds with faults per seed, 60
 *   --json            one line of JSON for each seed
 *   --trace FILE      everything that is noted, as JSON lines
 *
 * Ends at the first violation with exit code 1: what was broken, what led to it, how to replay it.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { type Result, type SimulationOptions, simulate } from './simulate.ts'
import { Violation } from './violation.ts'

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    nodes: { type: 'string' },
    controllers: { type: 'string' },
    faulty: { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
    trace: { type: 'string' },
    'keep-going': { type: 'boolean', default: false },
  },
})

const reportedLines = 60

function* seeds(): Generator<number> {
  if (options.seed !== undefined) return yield Number(options.seed)
  const [from, to] = (options.seeds ?? '').split('..').map(Number)
  const first = options.seeds === undefined ? Date.now() % 1_000_000_000 : from!
  const last = options.seeds === undefined ? Number.POSITIVE_INFINITY : (to ?? first)
  for (let seed = first; seed <= last; seed++) yield seed
}

/** At once, so that a crash leaves what led to it. */
const sink = options.trace === undefined ? undefined : lineSink(options.trace)

function lineSink(path: string) {
  let lines = ''
  writeFileSync(path, '')
  const flush = () => {
    appendFileSync(path, lines)
    lines = ''
  }
  process.on('exit', flush)
  return (line: string) => {
    lines += `${line}\n`
    if (lines.length > 65_536) flush()
  }
}

const given = (seed: number): SimulationOptions => ({
  seed,
  faultyMs: Number(options.faulty) * 1_000,
  ...(options.nodes === undefined ? {} : { brokers: Number(options.nodes) }),
  ...(options.controllers === undefined ? {} : { controllers: Number(options.controllers) }),
  ...(sink === undefined ? {} : { onTrace: (event) => sink(JSON.stringify(event)) }),
})

function replayOf({ seed }: Result): string {
  const extra = (['nodes', 'controllers', 'faulty'] as const).flatMap((name) =>
    process.argv.includes(`--${name}`) ? [`--${name} ${options[name]}`] : [],
  )
  return ['npm run simulate --', `--seed ${seed}`, ...extra].join(' ')
}

function report(result: Result): void {
  const { failure, seed } = result
  if (failure === undefined) return
  const { why, recent } = failure
  console.error(`\n${pc.red('violated')}  ${why instanceof Violation ? why.message : why.stack}`)
  console.error(`seed ${seed}, step ${result.steps}, ${result.simulatedMs} ms`)
  for (const { ms, what, step: _, ...fields } of recent.slice(-reportedLines)) {
    console.error(`  ${ms.toFixed(1).padStart(10)}  ${what}  ${JSON.stringify(fields)}`)
  }
  console.error(`replay: ${replayOf(result)}`)
}

const total = { seeds: 0, ms: 0, elections: 0, isr: 0, acked: 0, faults: 0, violations: 0 }
const startedAt = performance.now()

function live(): string {
  const realMs = performance.now() - startedAt
  return [
    `${total.seeds} seeds`,
    `${(total.ms / 3_600_000).toFixed(2)} h simulated`,
    `${(total.ms / realMs).toFixed(0)}x real time`,
    `${total.faults} faults`,
    `${total.elections} elections`,
    `${total.isr} ISR changes`,
    `${total.acked} records acknowledged`,
    ...(total.violations > 0 ? [pc.red(`${total.violations} violations`)] : []),
  ].join(', ')
}

for (const seed of seeds()) {
  const began = performance.now()
  const result = await simulate(given(seed))
  total.seeds++
  total.ms += result.simulatedMs
  total.elections += result.elections
  total.isr += result.isrChanges
  total.acked += result.ackedRecords
  total.faults += Object.values(result.faults).reduce((sum, count) => sum + count, 0)
  if (options.json) {
    const { failure, ...summary } = result
    const realMs = Math.round(performance.now() - began)
    console.log(JSON.stringify({ ...summary, realMs, violation: failure?.why.message }))
  } else if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${live()}`)
  else if (total.seeds % 10 === 0 || options.seed !== undefined) console.log(live())
  if (result.failure !== undefined) {
    total.violations++
    report(result)
    process.exitCode = 1
    if (!options['keep-going']) break
  }
  if (options.minutes !== undefined && total.ms >= Number(options.minutes) * 60_000) break
}
if (!options.json) console.log(`${process.stdout.isTTY ? '\n' : ''}${live()}`)
