/**
 * Runs the tests: types and lint first, then every `tests/**\/*.test.ts` in a process of its own, two at
 * a time; what lies below `tests/real/` starts whole clusters and runs one by one, last.
 *
 *   npm test                      everything
 *   npm test -- quorum config/    files whose path contains one of these
 *   npm test -- --table           how long each took
 *   npm test -- --node24          all but `real/`, mutants and scenarios also on Node 24, where it is installed; so with CI=true
 *
 * Walks through charts (`-- paths/`) show in one table what they covered, and name what they did not.
 * Of a suite that passed, the lines that begin with SKIP or TOLD are shown.
 * Ends with `N passed, N failed`, and `, N skipped` where something was.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import pc from 'picocolors'
import { chartsTable, toldOfCharts } from './runner/charts.ts'
import { type Outcome, outcomeOf } from './runner/outcome.ts'
import { node24 } from './support/peers.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const bin = (name: string) => join(root, 'node_modules/.bin', name)

type Job = {
  name: string
  command: string[]
  timeoutMs: number
  serial: boolean
  /** Not a suite: passed or failed as a whole. */
  whole?: boolean
}

type Result = Outcome & { job: Job; ms: number; output: string }

const { values: options, positionals: patterns } = parseArgs({
  allowPositionals: true,
  options: {
    table: { type: 'boolean', default: false },
    node24: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    timeout: { type: 'string' },
  },
})

const strict = process.env['CI'] === 'true'

const isReal = (name: string): boolean => name.startsWith('tests/real/')
const isMutants = (name: string): boolean => name.includes('/mutants')
/** Takes its minutes on any machine: it begins first, so that nothing waits for it at the end. */
const isFresh = (name: string): boolean => name.includes('/fresh-seeds.')
/** What they try is ours alone, and the same history on every Node; seeds show that on both. */
const isOncePlayed = (name: string): boolean =>
  isMutants(name) || isFresh(name) || name.includes('/scenarios-')

function suite(name: string, node: string, label: string): Job {
  const seconds = Number(
    options.timeout ?? (isReal(name) ? 600 : isMutants(name) || isFresh(name) ? 400 : 120),
  )
  return {
    name: label,
    command: [node, '--import', 'tsx/esm', name],
    timeoutMs: seconds * 1_000,
    serial: isReal(name),
  }
}

function jobs(): Job[] {
  const checks: Job[] = [
    { name: 'types', command: [bin('tsc'), '-p', '.'] },
    { name: 'lint', command: [bin('biome'), 'check', '.'] },
  ].map((check) => ({ ...check, timeoutMs: 300_000, serial: false, whole: true }))
  const files = readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('tests', file).split(sep).join('/'))
    .sort((a, b) => Number(isFresh(b)) - Number(isFresh(a)) || (a < b ? -1 : 1))
  const suites = files.map((file) => suite(file, process.execPath, file))
  const again =
    (options.node24 || strict) && existsSync(node24)
      ? files.filter((file) => !isReal(file) && !isOncePlayed(file))
      : []
  const newer = again.map((file) => suite(file, node24, `${file} (node 24)`))
  const wanted = ({ name }: Job) =>
    patterns.length === 0 || patterns.some((pattern) => name.includes(pattern))
  return [...checks, ...suites, ...newer].filter(wanted)
}

function run(job: Job): Promise<Result> {
  const startedAt = performance.now()
  const [program, ...args] = job.command
  return new Promise((resolve) => {
    const child = spawn(program!, args, {
      cwd: root,
      detached: true, // a group of its own, so that what it started ends with it
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    })
    let output = ''
    let timedOut = false
    const collect = (chunk: Buffer) => {
      output += chunk
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    const endGroup = () => {
      try {
        process.kill(-child.pid!, 'SIGKILL')
      } catch {
        // Everything in the group has ended already.
      }
    }
    const timer = setTimeout(() => {
      timedOut = true
      endGroup()
    }, job.timeoutMs)
    child.on('error', (error) => {
      output += error.message
    })
    child.on('close', (code) => {
      clearTimeout(timer)
      endGroup()
      const whole: Outcome = {
        passed: code === 0 ? 1 : 0,
        failed: code === 0 ? 0 : 1,
        skipped: 0,
        why: timedOut ? 'ran out of time' : undefined,
      }
      const outcome = job.whole ? whole : outcomeOf({ output, code, timedOut, strict })
      resolve({ ...outcome, job, output, ms: performance.now() - startedAt })
    })
  })
}

function report({ job, passed, failed, skipped, why, ms, output }: Result): void {
  const verdict = failed > 0 ? pc.red('FAIL') : pc.green('  ok')
  const skips = skipped > 0 ? pc.yellow(`, ${skipped} skipped`) : ''
  const reason = why === undefined ? '' : ` (${why})`
  const seconds = (ms / 1_000).toFixed(1)
  console.log(`${verdict}  ${job.name}  ${passed} passed${skips}  ${seconds} s${reason}`)
  if (failed > 0) console.log(output.replace(/^/gm, '      '))
  else for (const [line] of output.matchAll(/^(?:SKIP|TOLD) .+$/gm)) console.log(`      ${line}`)
}

async function runAll(queue: Job[], atOnce: number): Promise<Result[]> {
  const results: Result[] = []
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const result = await run(job)
      report(result)
      results.push(result)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

function printTable(results: Result[]): void {
  const table = new Table({
    head: ['suite', 'passed', 'failed', 'skipped', 's'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  const slowestFirst = [...results].sort((a, b) => b.ms - a.ms)
  for (const { job, passed, failed, skipped, ms } of slowestFirst) {
    table.push([job.name, passed, failed, skipped, (ms / 1_000).toFixed(1)])
  }
  console.log(table.toString())
}

const all = jobs()
if (all.length === 0) console.log(`nothing matches ${patterns.join(' ')}`)
const results = [
  ...(await runAll(
    all.filter(({ serial }) => !serial),
    Math.max(1, Number(options.jobs)),
  )),
  ...(await runAll(
    all.filter(({ serial }) => serial),
    1,
  )),
]
if (options.table) printTable(results)
const told = [...new Set(results.flatMap(({ output }) => toldOfCharts(output)))]
if (told.length > 0) console.log(`\nWalks through the charts:\n${chartsTable(told)}\n`)
const failures = results.filter(({ failed }) => failed > 0)
if (failures.length > 0) console.log(`failed: ${failures.map(({ job }) => job.name).join(', ')}`)

const sum = (of: 'passed' | 'failed' | 'skipped') =>
  results.reduce((total, result) => total + result[of], 0)
const skips = sum('skipped') > 0 ? `, ${sum('skipped')} skipped` : ''
process.exitCode = failures.length > 0 || all.length === 0 ? 1 : 0
console.log(`${sum('passed')} passed, ${sum('failed')} failed${skips}`)
