/** `npm run bench`: Samsa and Apache Kafka 4.3.0 side by side on this machine. `--help` tells more. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import pc from 'picocolors'
import { root } from '../real/support/processes.ts'
import { kafkaLibs } from '../support/peers.ts'
import { type Comparison, compare, type SharedClusters, withClusters } from './compare.ts'
import { watched } from './fences.ts'
import { buildLoad } from './load.ts'
import { describeMachine } from './machine.ts'
import { writeReport } from './report.ts'
import { kafka } from './systems/kafka.ts'
import { samsaEmbedded } from './systems/samsa-embedded.ts'
import { samsaProcesses } from './systems/samsa-processes.ts'
import { fencesLine, rowsOf, terminalTable } from './table.ts'
import { workloads } from './workloads/catalogue.ts'
import type { Heat, Workload } from './workloads/workload.ts'

/** In the repository. */
const keptReport = join(root, 'docs/benchmark')

type Options = {
  embedded?: true
  workload?: string[]
  heat: Heat | 'both'
  pairs: number
  scale: number
  quick?: true
  hour?: true
  shared?: true
  json?: true
  report?: string | true
}

const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0 is wanted')
  return value
}

const program = new Command('npm run bench --')
  .description('Compares Samsa with Apache Kafka 4.3.0: same machine, same client, in alternation.')
  .option('--embedded', 'three Samsa nodes in one process; else a process a node over NATS')
  .option('--workload <name...>', `these only: ${workloads.map(({ name }) => name).join(', ')}`)
  .option('--heat <heat>', 'cold, warm or both', 'both')
  .option('--pairs <n>', 'alternating pairs of each workload', positive, 5)
  .option('--quick', 'the first workloads, three pairs, a few minutes')
  .option('--hour', 'mixed-memory for an hour on each side and pair; else ten minutes')
  .option('--scale <part>', 'a part of each workload’s size, for trying out', positive, 1)
  .option('--shared', 'warm workloads share their clusters: for trying out')
  .option('--json', 'one JSON object a comparison, with every single figure')
  .option(
    '--report [folder]',
    'writes README.md, plots and figures.json there; what other runs left there is kept beside it',
  )
  .addHelpText(
    'after',
    `
Needs Java 17 and Maven (Kafka's jars are fetched once), Go (the load generator is built once) and,
for processes, nats-server: tests/peers/install.sh brings what is missing.

  npm run bench -- --embedded --quick
  npm run bench -- --workload produce-100 kill-leader --heat warm
  npm run bench -- --embedded --workload mixed-memory --hour --pairs 1`,
  )

const options = program.parse().opts<Options>()

/** One line that says what to do. */
function refuse(why: string): never {
  console.error(`${pc.red('error')}  ${why}`)
  process.exit(1)
}

const say = (line: string) => console.error(pc.dim(line))

function chosen(): Workload[] {
  const names = options.workload
  const unknown = names?.find((name) => !workloads.some((one) => one.name === name))
  if (unknown !== undefined) refuse(`no workload ${unknown}: npm run bench -- --help lists them`)
  if (!['cold', 'warm', 'both'].includes(options.heat)) refuse('--heat is cold, warm or both')
  if (names !== undefined) return workloads.filter(({ name }) => names.includes(name))
  return workloads.filter(({ isQuick }) => isQuick || !options.quick)
}

function need(command: string, args: string[], what: string): void {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
  } catch {
    refuse(`${what} is missing: tests/peers/install.sh brings it`)
  }
}

async function prepare(): Promise<void> {
  need('java', ['-version'], 'Java 17')
  need('go', ['version'], 'Go')
  if (!options.embedded) need('nats-server', ['--version'], 'nats-server')
  if (!existsSync(join(kafkaLibs, 'kafka_2.13-4.3.0.jar'))) {
    need('mvn', ['--version'], 'Maven')
    say('fetching the jars of Apache Kafka 4.3.0')
    execFileSync(join(root, 'tests/peers/kafka.sh'), { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  say('building Samsa and the load generator')
  execFileSync('npm', ['run', 'build', '--silent'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  mkdirSync(join(root, '.cache/bench'), { recursive: true })
  await buildLoad()
}

// What was started ends with it, and folders go.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const picked = chosen()
if (options.shared && options.report !== undefined) {
  refuse(
    '--shared is for trying out: what --report keeps has clusters of its own for each workload',
  )
}
await prepare()
const ours = watched(options.embedded ? samsaEmbedded : samsaProcesses)
const theirs = watched(kafka)
const plan = {
  ours: ours.system,
  theirs: theirs.system,
  pairs: options.quick ? Math.min(3, options.pairs) : options.pairs,
  scale: options.scale,
  isHour: options.hour === true,
  told: say,
}
/** At once, so that a long run that is broken off has not been in vain. */
function keep({ comparison, workload }: Compared): void {
  if (options.report === undefined) return
  const folder = options.report === true ? keptReport : options.report
  const { name } = workload
  const { form, heat } = comparison
  const fences = { ours: ours.fencesSince(), theirs: theirs.fencesSince() }
  const at = new Date().toISOString()
  const rows = rowsOf(comparison, workload)
  const part = { workload: name, form, heat, at, scale: plan.scale, fences, rows }
  writeReport(folder, describeMachine(), part)
  say(`written: ${join(folder, 'README.md')}`)
}

type Compared = { comparison: Comparison; workload: Workload }

async function compareAll(shared?: SharedClusters): Promise<Compared[]> {
  const compared: Compared[] = []
  for (const workload of picked) {
    if (workload.forms !== undefined && !workload.forms.includes(plan.ours.form)) continue
    const wanted: Heat[] = options.heat === 'both' ? ['cold', 'warm'] : [options.heat]
    const heats = workload.kind === 'system' ? wanted.slice(-1) : wanted
    for (const heat of heats) {
      if (workload.kind === 'cluster' && !workload.heats.includes(heat)) continue
      const comparison = await compare(workload, heat, { ...plan, ...(shared ? { shared } : {}) })
      compared.push({ comparison, workload })
      if (options.json) console.log(JSON.stringify(comparison))
      keep(compared.at(-1)!)
    }
  }
  return compared
}

const comparisons = await (options.shared ? withClusters(compareAll) : compareAll())
const rows = comparisons.flatMap(({ comparison, workload }) => rowsOf(comparison, workload))
const fences = { ours: ours.fences, theirs: theirs.fences }
if (options.json) console.log(JSON.stringify({ fences }))
else console.log(`${terminalTable(rows)}\n${fencesLine(fences)}`)
