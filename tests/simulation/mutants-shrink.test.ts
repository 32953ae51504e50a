/** A seed that fails shrinks to a script that fails alike: proven with a deliberate bug. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { playAside } from './aside.ts'
import { mutants } from './mutants/catalogue.ts'
import { enough } from './mutants/run-mutant.ts'
import type { ShrinkTold } from './mutants/shrink-child.ts'
import type { Script } from './script.ts'

const produced = ({ actions }: Script) => actions.filter((action) => action.do === 'produce').length

test('a leader that resumes its epoch: of all that a seed does, one kill is left', async () => {
  const mutant = mutants.find(({ name }) => name === 'a leader resumes its epoch after a restart')!
  const run = { ...mutant.run, faultyMs: 4_000 }
  const [told] = (await playAside(
    `import './mutants/shrink-child.ts'`,
    { run, seeds: enough },
    mutant.patches,
  )) as [ShrinkTold]
  const { before, after, rules, hashes } = told
  assert.ok(mutant.rules.includes(rules.before ?? 'none'), rules.before)
  assert.is(rules.after, rules.before, 'it breaks the same rule')
  assert.is(rules.again, rules.before, 'it does so when it is read back')
  assert.is(hashes.again, hashes.after, 'it is the same history')
  assert.ok(produced(before) > 10)
  assert.is(produced(after), 0, 'no operation has to do with it')
  assert.equal(
    after.actions.map((action) => action.do),
    ['kill'],
  )
})

test.run()
