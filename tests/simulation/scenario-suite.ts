/**
 * The named scenarios as tests, as `npm run simulate -- --scenario NAME` plays them: every eighth in a
 * file of its own, so that none runs long. `ONLY=NAME` plays one.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { playAside } from './aside.ts'
import { scenarioNames, scenariosEntry } from './scenarios.ts'
import type { Tried } from './tried.ts'

const only = process.env['ONLY']
export const suites = 8

export function testScenarios(suite: number): void {
  const names = scenarioNames().filter(
    (name, index) => index % suites === suite && (only === undefined || name === only),
  )
  let played: Tried[] = []
  test.before(async () => {
    if (names.length > 0) played = (await playAside(scenariosEntry(names), {})) as Tried[]
  })
  for (const [index, name] of names.entries()) {
    test(name, () => {
      const tried = played[index]
      const replay = `npm run simulate -- --scenario ${name}`
      assert.ok(tried !== undefined, `it did not end\n${replay}`)
      assert.is(tried.words, undefined, `${tried.words}\n${replay}`)
    })
  }
  test.run()
}
