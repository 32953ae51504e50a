/**
 * `npm run mutants`: lets every mutant loose and prints which rule caught it, after how many seeds.
 *
 *   npm run mutants -- [words of its name ...]
 *   --baseline    the same seeds against the code as it is: all of them must hold
 *   --jobs N      so many at a time, 2
 *   --seeds N     at most so many for each, 40
 *   --from N      the first of them, 1
 */
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { mutants } from './catalogue.ts'
import type { Seeds } from './mutant.ts'
import { enough, isCaught, type MutantOutcome, runMutant } from './run-mutant.ts'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    baseline: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
    seeds: { type: 'string', default: String(enough.most) },
    from: { type: 'string', default: String(enough.from) },
  },
})

const wanted = mutants.filter(
  ({ name }) => positionals.length === 0 || positionals.some((words) => name.includes(words)),
)
const outcomes: MutantOutcome[] = []
const queue = [...wanted]

const seeds: Seeds = { from: Number(options.from), most: Number(options.seeds) }

function verdictOf(outcome: MutantOutcome): string {
  if (options.baseline) return outcome.rule === undefined ? 'holds' : 'BROKEN'
  if (isCaught(outcome)) return 'caught'
  return outcome.rule === undefined ? 'SURVIVED' : 'by another rule'
}

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const outcome = await runMutant(mutant, seeds, !options.baseline)
    outcomes.push(outcome)
    const { rule, seeds: tried, ms, words } = outcome
    const told = `${rule ?? '-'} after ${tried} seeds, ${(ms / 1000).toFixed(1)} s`
    console.error(`${verdictOf(outcome)}: ${mutant.name}: ${told} ${words.slice(0, 400)}`)
  }
}
await Promise.all(Array.from({ length: Number(options.jobs) }, work))

const table = new Table({
  head: ['mutant', 'expected', 'caught by', 'seeds', 's'],
  style: { head: [], border: [] },
})
for (const mutant of wanted) {
  const {
    rule,
    seeds: tried,
    ms,
  } = outcomes.find((outcome) => outcome.mutant.name === mutant.name)!
  table.push([mutant.name, mutant.rules[0], rule ?? 'survived', tried, (ms / 1_000).toFixed(1)])
}
console.log(table.toString())
process.exitCode = outcomes.every((outcome) =>
  options.baseline ? outcome.rule === undefined : isCaught(outcome),
)
  ? 0
  : 1
