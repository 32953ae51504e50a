/**
 * The named scenarios as tests, as `npm run simulate -- --scenario NAME` plays them: every eighth in a
 * file of its own, so that none runs long. `ONLY=NAME` plays one.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { playScenario, scenarioNames } from './scenarios.ts'

const only = process.env['ONLY']
export const suites = 8

export function testScenarios(suite: number): void {
  for (const [index, name] of scenarioNames().entries()) {
    if (index % suites !== suite || (only !== undefined && name !== only)) continue
    test(name, async () => {
      const { failure } = await playScenario(name)
      const replay = `npm run simulate -- --scenario ${name}`
      assert.not(failure, `${failure?.why.stack}\n${replay}`)
    })
  }
  test.run()
}
