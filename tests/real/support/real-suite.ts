/**
 * Suites of real programs. What a scenario starts ends with it, passed or failed: a producer that is
 * left behind would hold this process until the runner ends it. Clusters last as long as their suite.
 */
import { suite } from 'uvu'
import { endScenario } from './processes.ts'

/** Long enough to print what failed. */
const holdMs = 5_000

/** One a file: its end is the end of the process. */
export function realSuite(name: string) {
  const test = suite(name)
  const run = test.run
  test.run = () => {
    // After the hooks of the suite itself, which may stop in better order.
    test.after.each(endScenario)
    test.after(async () => {
      await endScenario()
      // A client in this process that a failed scenario left open would hold it, too.
      setTimeout(() => process.exit(), holdMs).unref()
    })
    run()
  }
  return test
}
