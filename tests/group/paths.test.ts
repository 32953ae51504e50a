/** Every state of the group chart is reached by a path that XState finds, and each path replays. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { getShortestPaths } from 'xstate/graph'
import { type GroupEvent, group } from '../../machines/group.ts'
import { chart, effectNames, join, roster, sync } from './chart.ts'

const timers = [
  'xstate.after.initialDelay.group.preparingRebalance.initialDelay',
  'xstate.after.rebalanceTimeout.group.preparingRebalance.joining',
  'xstate.after.rebalanceTimeout.group.generation',
]

const told: GroupEvent[] = [
  join('new', { members: 1, joined: 1 }),
  join('new', { members: 2, joined: 1, unsynced: 1 }),
  join('leader', { members: 1, joined: 1, absentStatic: 0 }),
  join('member', { members: 2, joined: 1, absentStatic: 1 }),
  join('replacement', { members: 1 }),
  sync(true, { members: 1 }),
  sync(false, { members: 1, unsynced: 1 }),
  { type: 'LeaveGroup', roster: roster({}) },
  { type: 'sessionExpired', roster: roster({ members: 1, absentStatic: 1 }) },
  { type: 'promiseGone', roster: roster({ members: 1, joined: 1 }) },
  { type: 'assignmentStored', generationId: 1 },
  { type: 'assignmentFailed', generationId: 1, error: 'NOT_COORDINATOR' },
  { type: 'deleted' },
  { type: 'unloaded' },
]

const input = {
  groupId: 'g',
  generationId: 0,
  roster: roster({}),
  initialDelayMs: 3_000,
  crowded: false,
}
const quiet = Object.fromEntries(effectNames.map((name) => [name, () => {}]))
/** X1 is another test's; here only what may happen is tried. */
const tolerant = group.provide({ actions: { ...quiet, unexpected: () => {} } })

const paths = getShortestPaths(tolerant, {
  input,
  events: [...told, ...timers.map((type) => ({ type }) as unknown as GroupEvent)],
  serializeState: ({ value }) => JSON.stringify(value),
  stopWhen: ({ context }) => context.generationId > 2,
})

test('every state is reached', () => {
  const reached = new Set(paths.map(({ state }) => JSON.stringify(state.value)))
  const wanted = [
    '"empty"',
    '{"preparingRebalance":"initialDelay"}',
    '{"preparingRebalance":"joining"}',
    '{"generation":{"completingRebalance":"awaitingLeader"}}',
    '{"generation":{"completingRebalance":"storing"}}',
    '{"generation":"stable"}',
    '"dead"',
  ]
  for (const state of wanted) assert.ok(reached.has(state), `${state} is reached`)
})

test('each path replays on a running group, its timers by the clock', async () => {
  for (const { state, steps } of paths) {
    const on = chart()
    for (const { event } of steps) {
      const { type } = event as { type: string }
      if (type === 'xstate.init') continue
      if (type.startsWith('xstate.after.initialDelay')) await on.clock.advance(3_000)
      else if (type.startsWith('xstate.after.')) await on.clock.advance(60_000)
      else on.tell(event as GroupEvent)
    }
    assert.equal(on.errors, [])
    assert.equal(on.actor.getSnapshot().value, state.value)
  }
})

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
