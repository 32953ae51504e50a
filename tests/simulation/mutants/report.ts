/**
 * `npm run mutants`: lets every mutant loose and prints which rule caught it, after how many seeds.
 *
 *   npm run mutants -- [words of its name ...]
 *   --baseline    the same seeds against the code as it is: all of them must hold
 *   --jobs N      so many at a time, 2
 *   --seeds N     at most so many for each, instead of as many as it says
 */
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { mutants } from './catalogue.ts'
import type { Mutant } from './mutant.ts'
import { isCaught, type MutantOutcome, runMutant } from './run-mutant.ts'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    baseline: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    seeds: { type: 'string' },
  },
})

const wanted = mutants.filter(
  ({ name }) => positionals.length === 0 || positionals.some((words) => name.includes(words)),
)
const outcomes: MutantOutcome[] = []
const queue = [...wanted]

const limited = (mutant: Mutant): Mutant =>
  options.seeds === undefined || 'scenario' in mutant.run
    ? mutant
    : { ...mutant, run: { ...mutant.run, seeds: Number(options.seeds) } }

function verdictOf(outcome: MutantOutcome): string {
  if (options.baseline) return outcome.rule === undefined ? 'holds' : 'BROKEN'
  if (isCaught(outcome)) return 'caught'
  return outcome.rule === undefined ? 'SURVIVED' : 'by another rule'
}

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const outcome = await runMutant(limited(mutant), !options.baseline)
    outcomes.push(outcome)
    const { rule, seeds, ms, words } = outcome
    const told = `${rule ?? '-'} after ${seeds} seeds, ${(ms / 1000).toFixed(1)} s`
    console.error(`${verdictOf(outcome)}: ${mutant.name}: ${told} ${words.slice(0, 400)}`)
  }
}
await Promise.all(Array.from({ length: Number(options.jobs) }, work))

const table = new Table({
  head: ['mutant', 'expected', 'caught by', 'seeds', 's'],
  style: { head: [], border: [] },
})
for (const mutant of wanted) {
  const { rule, seeds, ms } = outcomes.find((outcome) => outcome.mutant.name === mutant.name)!
  table.push([mutant.name, mutant.rules[0], rule ?? 'survived', seeds, (ms / 1_000).toFixed(1)])
}
console.log(table.toString())
process.exitCode = outcomes.every((outcome) =>
  options.baseline ? outcome.rule === undefined : isCaught(outcome),
)
  ? 0
  : 1
