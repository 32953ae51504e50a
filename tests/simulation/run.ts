/**
 * `npm run simulate`: seeds, one after the other, until stopped or told otherwise; `--help` tells more.
 * Ends at the first violation with exit code 1: what was broken, what led to it, how to replay it.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { coverageTable } from './coverage.ts'
import { drawScript } from './draw.ts'
import { type Options, parseOptions } from './options.ts'
import { createPool } from './pool.ts'
import { createTally, reportFailure } from './report.ts'
import { playScenario } from './scenarios.ts'
import { parseScript, type Script } from './script.ts'
import { shrink } from './shrink.ts'
import { play, type Result } from './simulate.ts'
import { type Told, tell } from './told.ts'
import type { TraceEvent } from './trace.ts'
import { lineOf } from './trace-lines.ts'

type Listen = (event: TraceEvent) => void

const options = parseOptions(process.argv.slice(2))
const isTTY = process.stdout.isTTY && !options.json
const tally = createTally()

/** At once, so that a crash leaves what led to it. */
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

/** The same twice: for programs, and beside it for readers. */
function traceInto(path: string): Listen {
  const [json, text] = [lineSink(path), lineSink(`${path}.txt`)]
  return (event) => {
    json(JSON.stringify(event))
    text(lineOf(event))
  }
}

function* drawn({ seeds, draw }: Options): Generator<Script> {
  const first = seeds?.first ?? Date.now() % 1_000_000_000
  const last = seeds?.last ?? 2 ** 32 - 1
  for (let seed = first; seed <= last; seed++) yield drawScript({ seed, ...draw })
}

function replayOf({ script, scenario, given }: Options, seed: number): string {
  if (script !== undefined) return `npm run simulate -- --script ${script}`
  if (scenario !== undefined) return `npm run simulate -- --scenario ${scenario}`
  return ['npm run simulate --', `--seed ${seed}`, ...given].join(' ')
}

function take(told: Told): boolean {
  tally.add(told)
  const { failure, ...summary } = told
  if (options.json) console.log(JSON.stringify({ ...summary, violation: failure?.message }))
  if (failure !== undefined) {
    reportFailure(told, replayOf(options, told.seed))
    process.exitCode = 1
    if (!options.keepGoing) return false
  }
  return options.minutes === undefined || tally.simulatedMs() < options.minutes * 60_000
}

/** One history, here: it may be traced. */
async function playHere(playing: (onTrace?: Listen) => Promise<Result>): Promise<void> {
  take(await tell(playing(options.trace === undefined ? undefined : traceInto(options.trace))))
}

async function playMany(): Promise<void> {
  const pool = createPool(options.jobs)
  process.once('SIGINT', pool.end)
  const everyMs = isTTY ? 200 : 10_000
  const live = setInterval(() => {
    if (isTTY) process.stdout.write(`\r\x1b[K${tally.line()}`)
    else if (!options.json) console.log(tally.line())
  }, everyMs)
  await pool.run(drawn(options), take)
  clearInterval(live)
  if (isTTY) process.stdout.write('\r\x1b[K')
}

function readScript(path: string): Script {
  try {
    return parseScript(readFileSync(path, 'utf8'))
  } catch (why) {
    console.error(`error: ${path}: ${why instanceof Error ? why.message : why}`)
    process.exit(1)
  }
}

async function shrinkHere(seed: number): Promise<void> {
  const path = options.out ?? `shrunk-${seed}.json`
  const found = await shrink(drawScript({ seed, ...options.draw }), console.error)
  if (found === undefined) {
    console.error(`seed ${seed} breaks nothing`)
    return
  }
  writeFileSync(path, `${JSON.stringify(found.script, null, 1)}\n`)
  reportFailure(found.told, `npm run simulate -- --script ${path}`)
  process.exitCode = 1
}

const { seeds, script, scenario, shrink: toShrink } = options
if (toShrink !== undefined) await shrinkHere(toShrink)
else {
  if (scenario !== undefined) await playHere((on) => playScenario(scenario, on))
  else if (script !== undefined) {
    const read = readScript(script)
    await playHere((on) => play(read, on))
  } else if (seeds !== undefined && seeds.first === seeds.last) {
    const one = drawScript({ seed: seeds.first, ...options.draw })
    await playHere((on) => play(one, on))
  } else await playMany()
  if (options.json) console.log(JSON.stringify({ hits: Object.fromEntries(tally.hits()) }))
  else console.log(tally.line())
  if (!options.json && tally.seeds() > 1) console.log(coverageTable(tally.hits()))
}
