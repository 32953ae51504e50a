/** Plays seeds against patched code until a rule is broken. */
import { simulate } from '../simulate.ts'
import { tellTried } from '../tried.ts'
import type { MutantRun, Seeds } from './mutant.ts'

const { run, seeds } = JSON.parse(process.argv[2]!) as { run: MutantRun; seeds: Seeds }

for (let seed = seeds.from; seed < seeds.from + seeds.most; seed++) {
  if (tellTried(await simulate({ ...run, seed }))) break
}
process.exit()
