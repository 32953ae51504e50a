/** Plays seeds against patched code until a rule is broken; each twice, where its history is asked for. */
import { simulate } from '../simulate.ts'
import { tellTried } from '../tried.ts'
import { Violation } from '../violation.ts'
import type { MutantRun, Seeds } from './mutant.ts'

type Asked = { run: MutantRun | { twice: MutantRun }; seeds: Seeds }

const { run, seeds } = JSON.parse(process.argv[2]!) as Asked
const isTwice = 'twice' in run
const options = isTwice ? run.twice : run

/** @returns what it failed with */
async function judge(seed: number): Promise<Error | undefined> {
  const { hash, failure } = await simulate({ ...options, seed })
  if (failure !== undefined || !isTwice) return failure?.why
  const again = await simulate({ ...options, seed })
  const told = { hash, again: again.hash }
  return again.hash === hash ? undefined : new Violation('X5', 'a seed has one history', told)
}

for (let seed = seeds.from; seed < seeds.from + seeds.most; seed++) {
  const why = await judge(seed)
  if (tellTried({ seed, ...(why && { failure: { why } }) })) break
}
process.exit()
