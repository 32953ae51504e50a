/** The command line of `npm run simulate`. */
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import { coverageTable } from './coverage.ts'
import type { DrawOptions, FaultRates } from './draw.ts'
import { faultNames } from './draw-faults.ts'
import { type WorkloadName, workloadNames } from './draw-workload.ts'
import { scenarioNames } from './scenarios.ts'
import { messageFaults } from './ways.ts'

export type Options = {
  seeds: { first: number; last: number } | undefined
  minutes: number | undefined
  draw: Omit<DrawOptions, 'seed'>
  jobs: number
  json: boolean
  trace: string | undefined
  script: string | undefined
  scenario: string | undefined
  shrink: number | undefined
  out: string | undefined
  keepGoing: boolean
  /** What of these changes a seed's history, as it was written. */
  given: string[]
}

/** Some in each line. */
function listed(names: readonly string[]): string {
  const lines: string[] = []
  for (let from = 0; from < names.length; from += 7) {
    lines.push(`    ${names.slice(from, from + 7).join(', ')}`)
  }
  return lines.join(',\n')
}

const help = `
Faults, for --faults NAME=RATE,... (a seed draws which it has; a rate given here counts instead):
  times in a simulated minute:
${listed(faultNames)}
  chance of each message: ${messageFaults.join(', ')}
  all of them: all (0 switches off)
What each plays of the catalogue of faults; a run of many seeds ends with how often each was hit:
${coverageTable()}

Fresh seeds on all cores until Ctrl-C:
  $ npm run simulate

A seed that failed, exactly as it was, with every event in two files: seed.jsonl has a JSON object a
line, seed.jsonl.txt the same to read, as who → whom, what, when:
  $ npm run simulate -- --seed 4711 --trace seed.jsonl
What the lines hold (tests/simulation/trace.ts tells of each field):
  message                       between nodes: sent, lost, held, arrived
  client                        frames between clients and nodes: sent, arrived
  timer                         set, fired, cleared
  disk                          each call of a node to its disk, and how it failed
  chart                         each transition: actor, event, from which state to which
  all else                      what nodes log, and what the world does to them

Nothing but killed nodes, every two seconds; then with lost messages as well:
  $ npm run simulate -- --faults all=0,kill=30
  $ npm run simulate -- --faults all=0,kill=30,loss=0.1

How fast a core plays three nodes under a moderate load, of some six batches a second:
  $ npm run simulate -- --nodes 3 --controllers 0 --nats 0 --faults all=0 --workload plain \\
      --send-every 350 --jobs 1

The smallest script that still fails as a seed does, and the way to play it:
  $ npm run simulate -- --shrink 4711 --out small.json
  $ npm run simulate -- --script small.json

Named scenarios, for --scenario NAME (tests/simulation/scenarios):
${scenarioNames()
  .map((name) => `  ${name}`)
  .join('\n')}

Ends with exit code 0, or with 1 at the first violation: the broken rule (tests/simulation tells
what each means), the seed, what the nodes believed, what led to it, and how to replay it.`

const seedMax = 2 ** 32 - 1

function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
    }
    return value
  }
}

function payload(text: string): number {
  const bytes = whole(0, 64 * 1024 * 1024)(text)
  if (bytes === 0 || bytes >= 1_024) return bytes
  throw new InvalidArgumentError('Give 0, or at least 1024.')
}

function positive(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new InvalidArgumentError('Give a number above 0.')
  }
  return value
}

function seedRange(text: string): { first: number; last: number } {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(text) ?? []
  const [first, last] = [Number(from), Number(to)]
  if (from === undefined || first > last || last > seedMax) {
    throw new InvalidArgumentError('Give two seeds, the lower first, as 1..100.')
  }
  return { first, last }
}

function workload(text: string): WorkloadName[] {
  return text.split(',').flatMap((part) => {
    if (part === 'plain') return []
    const name = workloadNames.find((each) => each === part)
    if (name === undefined) {
      throw new InvalidArgumentError(`Give plain, or some of ${workloadNames.join(',')}.`)
    }
    return [name]
  })
}

function rates(text: string): FaultRates {
  const given: Record<string, number> = {}
  const names: readonly string[] = [...faultNames, ...messageFaults]
  for (const part of text.split(',')) {
    const [, name = '', rate] = /^(\w+)=(\d*\.?\d+)$/.exec(part.trim()) ?? []
    if (rate === undefined) {
      throw new InvalidArgumentError(`Give NAME=RATE,... and not ${JSON.stringify(part)}.`)
    }
    if (name === 'all') for (const each of names) given[each] = Number(rate)
    else if (names.includes(name)) given[name] = Number(rate)
    else throw new InvalidArgumentError(`There is no fault ${name}; --help names them.`)
  }
  for (const name of messageFaults) {
    if ((given[name] ?? 0) > 1) throw new InvalidArgumentError(`${name} is a chance: 0 to 1.`)
  }
  return given
}

export function parseOptions(argv: readonly string[]): Options {
  const program = new Command('simulate')
    .usage('[options]')
    .description(
      'Whole clusters in simulated time, with faults: each seed is one history, and always the same.',
    )
    .option('--seed <n>', 'play this seed, exactly as it always goes', whole(0, seedMax))
    .option('--seeds <a..b>', 'play these, in order', seedRange)
    .option('--minutes <m>', 'end after so much simulated time', positive)
    .option('--jobs <n>', 'so many at once (default: one per core)', whole(1, 256))
    .option('--nodes <n>', 'brokers (default: as the seed draws)', whole(1, 9))
    .option(
      '--controllers <n>',
      'dedicated controllers; 0: the brokers are controllers, too (default: as the seed draws)',
      whole(0, 9),
    )
    .option(
      '--nats <bytes>',
      'over the link for NATS, on a simulated server that takes payloads up to so many bytes; ' +
        '0: over simulated links (default: as the seed draws)',
      payload,
    )
    .option('--faulty <s>', 'seconds with faults in each history, before all heals', positive, 60)
    .option('--faults <name=rate,...>', 'how often what goes wrong', rates)
    .option(
      '--workload <name,...>',
      `only these beside plain producers: ${workloadNames.join(', ')}, or plain (default: as the seed draws)`,
      workload,
    )
    .option(
      '--send-every <ms>',
      'what each producer waits on average before its next batch (default: as the seed draws, 20 to 200)',
      positive,
    )
    .option('--json', 'a line of JSON for each seed', false)
    .option(
      '--trace <file>',
      'of one seed or script: every event, as JSON lines, and readable in <file>.txt',
    )
    .option('--scenario <name>', 'play one of the named scenarios')
    .option('--script <file>', 'play a script: what --shrink wrote, or one of your own')
    .option(
      '--shrink <seed>',
      'find the smallest script that fails as this seed',
      whole(0, seedMax),
    )
    .option('--out <file>', 'where --shrink writes it (default: shrunk-SEED.json)')
    .option('--keep-going', 'go on behind a violation', false)
    .allowExcessArguments(false)
    .showHelpAfterError('(npm run simulate -- --help tells what there is)')
    .addHelpText('after', help)
    .parse(argv, { from: 'user' })
  const of = program.opts<{
    seed?: number
    seeds?: { first: number; last: number }
    minutes?: number
    jobs?: number
    nodes?: number
    controllers?: number
    nats?: number
    faulty: number
    faults?: FaultRates
    workload?: WorkloadName[]
    sendEvery?: number
    json: boolean
    trace?: string
    script?: string
    scenario?: string
    shrink?: number
    out?: string
    keepGoing: boolean
  }>()
  const chosen = (['seed', 'seeds', 'script', 'scenario', 'shrink'] as const).filter(
    (name) => of[name] !== undefined,
  )
  if (chosen.length > 1) program.error(`error: give one of --${chosen.join(' and --')}`)
  if (of.trace !== undefined && (of.seed ?? of.script ?? of.scenario) === undefined) {
    program.error('error: --trace is of one history: give it --seed, --script or --scenario')
  }
  if (of.scenario !== undefined && !scenarioNames().includes(of.scenario)) {
    program.error(`error: there is no scenario ${of.scenario}; --help names them`)
  }
  if (of.out !== undefined && of.shrink === undefined) {
    program.error('error: --out is where --shrink writes')
  }
  const given = [
    '--nodes',
    '--controllers',
    '--nats',
    '--faulty',
    '--faults',
    '--workload',
    '--send-every',
  ].flatMap((name) => {
    const at = argv.findIndex((word) => word === name || word.startsWith(`${name}=`))
    if (at < 0) return []
    return argv[at] === name ? [`${name} ${argv[at + 1]}`] : [argv[at]!]
  })
  return {
    seeds: of.seed === undefined ? of.seeds : { first: of.seed, last: of.seed },
    minutes: of.minutes,
    draw: {
      faultyMs: of.faulty * 1_000,
      ...(of.nodes === undefined ? {} : { brokers: of.nodes }),
      ...(of.controllers === undefined ? {} : { controllers: of.controllers }),
      ...(of.nats === undefined ? {} : { nats: of.nats }),
      ...(of.faults === undefined ? {} : { rates: of.faults }),
      ...(of.workload === undefined ? {} : { workload: of.workload }),
      ...(of.sendEvery === undefined ? {} : { sendEveryMs: of.sendEvery }),
    },
    jobs: of.jobs ?? availableParallelism(),
    json: of.json,
    trace: of.trace,
    script: of.script,
    scenario: of.scenario,
    shrink: of.shrink,
    out: of.out,
    keepGoing: of.keepGoing,
    given,
  }
}
