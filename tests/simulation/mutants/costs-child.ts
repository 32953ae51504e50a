/** Compares what things cost in patched code. */
import { compareCosts } from '../cost.ts'
import { tellTried } from '../tried.ts'

const seed = 0
await compareCosts(() => {}).then(
  () => tellTried({ seed }),
  (why: Error) => tellTried({ seed, failure: { why } }),
)
process.exit()
