/** The controller chart: every state by a path that XState finds, and what a term leaves behind. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createActor } from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { type ControllerEvent, controller } from '../../machines/controller.ts'
import { fakeClock } from '../support/clock.ts'

const input = { nodeId: 1, idleIntervalMs: 500, balanceIntervalMs: 0, uncleanIntervalMs: 300_000 }
const leads = (leaderId: number, epoch: number): ControllerEvent => ({
  type: 'leaderChanged',
  leaderId,
  epoch,
})

const events: ControllerEvent[] = [
  leads(1, 1),
  leads(2, 2),
  leads(1, 3),
  leads(-1, 4),
  { type: 'activated', offset: 5 },
  { type: 'committed', offset: 4 },
  { type: 'committed', offset: 5 },
  { type: 'failed' },
  { type: 'stop' },
]

function hosted() {
  const clock = fakeClock()
  const effects: string[] = []
  const errors: unknown[] = []
  const note = (name: string) => () => {
    effects.push(name)
  }
  const actor = createActor(
    controller.provide({
      actions: {
        beginTerm: (_, { epoch }) => effects.push(`beginTerm ${epoch}`),
        appendActivationRecords: note('appendActivationRecords'),
        trackBrokers: note('trackBrokers'),
        dropBrokers: note('dropBrokers'),
        revert: note('revert'),
        resignLeadership: (_, { epoch }) => effects.push(`resignLeadership ${epoch}`),
        appendNoOp: note('appendNoOp'),
        electUncleanly: note('electUncleanly'),
        unexpected: ({ event }) => {
          throw new Error(`unexpected ${event.type}`)
        },
      },
    }),
    { input, clock },
  )
  actor.subscribe({ error: (why) => errors.push(why) })
  actor.start()
  return { actor, clock, errors, take: () => effects.splice(0) }
}

const begun = (epoch: number) => [`beginTerm ${epoch}`, 'appendActivationRecords', 'trackBrokers']
const ended = ['dropBrokers', 'revert']

test('a term begins and ends as a whole', () => {
  const { actor, take } = hosted()
  actor.send(leads(1, 1))
  assert.equal(take(), begun(1))
  actor.send(leads(1, 1))
  assert.equal(take(), [], 'told twice')
  actor.send(leads(1, 3))
  assert.equal(take(), [...ended, ...begun(3)], 'another epoch is another term')
  actor.send(leads(2, 4))
  assert.equal(take(), ended)
})

test('an epoch may be told before its leader is known, and is led once', () => {
  const { actor, take } = hosted()
  actor.send(leads(-1, 5))
  actor.send(leads(1, 4))
  assert.equal(take(), [], 'of an epoch that is over')
  actor.send(leads(1, 5))
  assert.equal(take(), begun(5))
  actor.send(leads(-1, 5))
  assert.equal(take(), ended)
  actor.send(leads(1, 5))
  assert.equal(take(), [])
  actor.send(leads(1, 6))
  assert.equal(take(), begun(6))
})

test('what fails ends the term before the quorum is asked for another leader', () => {
  const { actor, take } = hosted()
  actor.send(leads(1, 1))
  take()
  actor.send({ type: 'failed' })
  assert.equal(take(), [...ended, 'resignLeadership 1'])
  assert.is(actor.getSnapshot().value, 'resigning')
  actor.send(leads(-1, 2))
  assert.is(actor.getSnapshot().value, 'standby')
})

test('what is done by the clock is done in a term only', async () => {
  const { actor, clock, take } = hosted()
  await clock.advance(400_000)
  assert.equal(take(), [])
  actor.send(leads(1, 1))
  take()
  await clock.advance(1_000)
  assert.equal(take(), ['appendNoOp', 'appendNoOp'])
  actor.send(leads(2, 2))
  take()
  await clock.advance(400_000)
  assert.equal(take(), [])
  assert.is(clock.pendingTimers(), 0)
})

test('every state is reached, and each path replays without an unexpected event', () => {
  const quiet = controller.provide({ actions: { unexpected: () => {} } })
  const paths = getShortestPaths(quiet, {
    input,
    events,
    serializeState: ({ value, context }) => JSON.stringify([value, context]),
    stopWhen: ({ context }) => context.epoch > 4,
  })
  const tops = new Set<string>()
  const terms = new Set<unknown>()
  for (const { steps, state } of paths) {
    const { actor, errors } = hosted()
    for (const { event } of steps) {
      if ((event.type as string) !== 'xstate.init') actor.send(event)
    }
    assert.equal(errors, [])
    assert.equal(actor.getSnapshot().value, state.value)
    const { value } = state
    tops.add(typeof value === 'string' ? value : Object.keys(value)[0]!)
    if (typeof value === 'object') terms.add((value['active'] as { term: string }).term)
    actor.stop()
  }
  assert.equal([...tops].sort(), ['active', 'resigning', 'standby', 'stopped'])
  assert.equal([...terms].sort(), ['activating', 'settled'])
})

test.run()
