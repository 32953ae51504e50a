/** What the walks through the controller chart take from the chart itself: a term is whole, and led once. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createActor } from 'xstate'
import { type ControllerEvent, controller } from '../../machines/controller.ts'
import { fakeClock } from '../support/clock.ts'

const input = { nodeId: 1, idleIntervalMs: 500, balanceIntervalMs: 0, uncleanIntervalMs: 300_000 }
const leads = (leaderId: number, epoch: number): ControllerEvent => ({
  type: 'leaderChanged',
  leaderId,
  epoch,
})

function hosted() {
  const effects: string[] = []
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
      },
    }),
    { input, clock: fakeClock() },
  ).start()
  return { actor, take: () => effects.splice(0) }
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

test.run()
