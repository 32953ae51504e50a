/** What a process with patched code prints of each history: a line of JSON. */
import type { Result } from '../simulate.ts'
import { ruleOf, type Tried } from './mutant.ts'

/** @returns whether it failed */
export function tellTried({ seed, failure }: Result): boolean {
  const words = failure?.why.message
  const tried: Tried = { seed, rule: words && ruleOf(words), words }
  console.log(JSON.stringify(tried))
  return failure !== undefined
}
