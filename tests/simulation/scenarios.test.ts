/** Each named scenario, as `npm run simulate -- --scenario NAME` plays it. `ONLY=NAME` plays one. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { playScenario, scenarioNames } from './scenarios.ts'

const only = process.env['ONLY']

for (const name of scenarioNames().filter((each) => only === undefined || each === only)) {
  test(name, async () => {
    const { failure } = await playScenario(name)
    const replay = `npm run simulate -- --scenario ${name}`
    assert.not(failure, `${failure?.why.stack}\n${replay}`)
  })
}

test.run()
