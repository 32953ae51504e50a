/**
 * Shrinks the first seed that fails against patched code; prints one line of JSON: the scripts before
 * and after, what they broke, and the history of the smaller one as it comes back from its file.
 */
import { drawScript } from '../draw.ts'
import { parseScript, type Script } from '../script.ts'
import { shrink } from '../shrink.ts'
import { play, simulate } from '../simulate.ts'
import { tell } from '../told.ts'
import type { MutantRun, Seeds } from './mutant.ts'

export type ShrinkTold = {
  before: Script
  after: Script
  rules: { before: string | undefined; after: string | undefined; again: string | undefined }
  hashes: { after: string; again: string }
}

const { run: options, seeds } = JSON.parse(process.argv[2]!) as { run: MutantRun; seeds: Seeds }

for (let seed = seeds.from; seed < seeds.from + seeds.most; seed++) {
  const { failure } = await tell(simulate({ ...options, seed }))
  if (failure === undefined) continue
  const before = drawScript({ ...options, seed })
  const { script: after, told } = (await shrink(before, () => {}))!
  const again = await tell(play(parseScript(JSON.stringify(after))))
  const line: ShrinkTold = {
    before,
    after,
    rules: { before: failure.rule, after: told.failure?.rule, again: again.failure?.rule },
    hashes: { after: told.hash, again: again.hash },
  }
  console.log(JSON.stringify(line))
  break
}
process.exit()
