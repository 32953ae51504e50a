/** What no coordinator shows of the group chart: an event that cannot come, and that its end leaves nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { chart, roster } from './chart.ts'

test('an event that cannot come breaks an invariant and is heard of', () => {
  const on = chart()
  on.tell({ type: 'sessionExpired', roster: roster({}) })
  assert.is(on.errors.length, 1)
  assert.match(String(on.errors[0]), /X1: a group expects no sessionExpired now/)
})

test('a dead group has no timer', () => {
  const on = chart({ members: 2, generationId: 1 })
  assert.is(on.clock.pendingTimers(), 1)
  on.tell({ type: 'unloaded' })
  assert.is(on.clock.pendingTimers(), 0)
  assert.is(on.state(), 'Dead')
})

test.run()
