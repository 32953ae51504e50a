/**
 * Suites of real programs. What a scenario starts ends with it, passed or failed: a producer that is
 * left behind would hold this process until the runner ends it. Clusters last as long as their suite.
 */
import { suite } from 'uvu'
import { endScenario } from './processes.ts'

export function realSuite(name: string) {
  const test = suite(name)
  const run = test.run
  test.run = () => {
    // After the hooks of the suite itself, which may stop in better order.
    test.after.each(endScenario)
    test.after(endScenario)
    run()
  }
  return test
}
