/** The runner reads what a suite said, and trusts no silence. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { chartsTable, toldOfCharts } from '../runner/charts.ts'
import { outcomeOf } from '../runner/outcome.ts'

const test = suite('test runner')

const summary = (total: number, passed: number, skipped = 0) =>
  `  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.00ms\n`
const ended = (output: string, code: number | null = 0) =>
  outcomeOf({ output, code, timedOut: false, strict: false })

test('all passed', () => {
  assert.equal(ended(summary(3, 3)), { passed: 3, failed: 0, skipped: 0, why: undefined })
})

test('some failed', () => {
  assert.equal(ended(summary(3, 1, 1), 1), { passed: 1, failed: 2, skipped: 1, why: undefined })
})

test('a process that dies after its tests has failed', () => {
  assert.is(ended(summary(3, 3), 1).failed, 1)
  assert.is(ended(summary(3, 3), null).failed, 1)
})

test('a process that says nothing has failed', () => {
  assert.equal(ended(''), { passed: 0, failed: 1, skipped: 0, why: 'ran no tests' })
})

test('a process that hangs has failed', () => {
  const hung = outcomeOf({ output: '', code: null, timedOut: true, strict: false })
  assert.is(hung.failed, 1)
  assert.is(hung.why, 'ran out of time')
})

test('a skipped suite is told, and fails where everything should be there', () => {
  const output = 'SKIP needs kcat: tests/peers/install.sh brings it\n'
  assert.is(ended(output).skipped, 1)
  assert.is(ended(output).failed, 0)
  const strictly = outcomeOf({ output, code: 0, timedOut: false, strict: true })
  assert.is(strictly.failed, 1)
  assert.is(strictly.skipped, 0)
})

test('what the walks of all charts say is one table, with a line for each reason', () => {
  const said = [
    '• CHART | b | 1/1 | 2/3 | 0/0 | 4/4 | 5 | 6',
    'EXCEPT | b | b.on go | it never goes',
    'EXCEPT | b | b.off go | it never goes',
    '  Total:     1',
    'CHART | a | 7/7 | 8/8 | 9/9 | 9/9 | 1 | 2',
    'INSIDE | a | * | nobody knows it',
  ].join('\n')
  const table = chartsTable(toldOfCharts(said))
  assert.ok(table.indexOf('│ a ') < table.indexOf('│ b '), 'in their order')
  assert.match(table, /│ b +│ 1\/1 +│ 2\/3 /)
  assert.match(table, 'b, not walked, since it never goes: b.on go, b.off go')
  assert.match(table, 'a, told inside, since nobody knows it: *')
})

test.run()
