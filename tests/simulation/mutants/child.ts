/** Runs seeds, or a scenario, against patched code until a rule is broken; one line of JSON for each. */
import { playScenario } from '../scenarios.ts'
import { type Result, simulate } from '../simulate.ts'
import { type Mutant, ruleOf, type Tried } from './mutant.ts'

const run = JSON.parse(process.argv[2]!) as Mutant['run']

/** @returns whether it failed */
function tell({ seed, failure }: Result): boolean {
  const words = failure?.why.message
  const tried: Tried = { seed, rule: words && ruleOf(words), words }
  console.log(JSON.stringify(tried))
  return failure !== undefined
}

if ('scenario' in run) tell(await playScenario(run.scenario))
else {
  const { seed: first, seeds, ...options } = run
  for (let seed = first; seed < first + seeds; seed++) {
    if (tell(await simulate({ ...options, seed }))) break
  }
}
process.exit()
