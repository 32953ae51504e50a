/** Runs seeds against patched code until a rule is broken; one line of JSON for each. */
import { simulate } from '../simulate.ts'
import { type MutantRun, ruleOf, type Tried } from './mutant.ts'

const { seed: first, seeds, ...options } = JSON.parse(process.argv[2]!) as MutantRun

for (let seed = first; seed < first + seeds; seed++) {
  const { failure } = await simulate({ ...options, seed })
  const words = failure?.why.message
  const tried: Tried = { seed, rule: words && ruleOf(words), words }
  console.log(JSON.stringify(tried))
  if (failure !== undefined) break
}
process.exit()
