/**
 * `npm run mutants`: lets every mutant loose and prints which rule caught it, after how many seeds.
 *
 *   npx tsx tests/simulation/mutants/report.ts [words of its name ...]
 *   --baseline    the same seeds against the code as it is: all of them must hold
 *   --jobs N      so many at a time, 2
 */
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { mutants } from './catalogue.ts'
import { isCaught, type MutantOutcome, runMutant } from './run-mutant.ts'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    baseline: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '2' },
  },
})

const wanted = mutants.filter(
  ({ name }) => positionals.length === 0 || positionals.some((words) => name.includes(words)),
)
const outcomes: MutantOutcome[] = []
const queue = [...wanted]

async function work(): Promise<void> {
  for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
    const outcome = await runMutant(mutant, !options.baseline)
    outcomes.push(outcome)
    const { rule, seeds, ms, words } = outcome
    const verdict = options.baseline
      ? rule === undefined
        ? 'holds'
        : 'BROKEN'
      : isCaught(outcome)
        ? 'caught'
        : rule === undefined
          ? 'SURVIVED'
          : 'OTHER'
    console.error(
      `${verdict} ${mutant.name}: ${rule ?? '-'} after ${seeds} seeds, ${(ms / 1000).toFixed(1)} s ${words.slice(0, 250)}`,
    )
  }
}
await Promise.all(Array.from({ length: Number(options.jobs) }, work))

const table = new Table({
  head: ['mutant', 'expected', 'caught by', 'seeds', 's'],
  style: { head: [], border: [] },
})
for (const mutant of wanted) {
  const { rule, seeds, ms } = outcomes.find((outcome) => outcome.mutant === mutant)!
  table.push([mutant.name, mutant.rules[0], rule ?? 'survived', seeds, (ms / 1_000).toFixed(1)])
}
console.log(table.toString())
process.exitCode = outcomes.every((outcome) =>
  options.baseline ? outcome.rule === undefined : isCaught(outcome),
)
  ? 0
  : 1
