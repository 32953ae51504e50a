/** Runs seeds, or a scenario, against patched code until a rule is broken; one line of JSON for each. */
import { playScenario } from '../scenarios.ts'
import { type Result, simulate } from '../simulate.ts'
import { type Mutant, ruleOf, type Seeds, type Tried } from './mutant.ts'

const { run, seeds } = JSON.parse(process.argv[2]!) as { run: Mutant['run']; seeds: Seeds }

/** @returns whether it failed */
function tell({ seed, failure }: Result): boolean {
  const words = failure?.why.message
  const tried: Tried = { seed, rule: words && ruleOf(words), words }
  console.log(JSON.stringify(tried))
  return failure !== undefined
}

if ('scenario' in run) tell(await playScenario(run.scenario))
else {
  for (let seed = seeds.from; seed < seeds.from + seeds.most; seed++) {
    if (tell(await simulate({ ...run, seed }))) break
  }
}
process.exit()
