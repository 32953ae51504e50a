/** The inspector sees every change of state, a sample of the rest, and actors that began before it. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createActor, createMachine, type InspectionEvent } from 'xstate'
import { createSampler } from '../../runtime/inspect/sampler.ts'

const test = suite('inspection sampler')

const lamp = createMachine({
  id: 'lamp',
  initial: 'off',
  states: { off: { on: { switch: 'on' } }, on: { on: { switch: 'off' } } },
  on: { look: {} },
})

function watched(actors: number, quietEventsPerSecond: number) {
  const seen: InspectionEvent[] = []
  let now = 0
  const sampler = createSampler(
    { actorsMax: 2, quietEventsPerSecond },
    (event) => seen.push(event),
    () => now,
  )
  const started = Array.from({ length: actors }, (_, index) =>
    createActor(lamp, { id: `lamp-${index}`, inspect: sampler.inspect }).start(),
  )
  const count = (type: string) => seen.filter((event) => event.type === type).length
  return { sampler, actors: started, count, tick: () => (now += 1_000) }
}

test('every change of state is shown, however many', () => {
  const { actors, count } = watched(1, 0)
  for (let i = 0; i < 100; i++) actors[0]!.send({ type: 'switch' })
  assert.is(count('@xstate.snapshot'), 101)
})

test('what changes nothing is shown within the budget of a second', () => {
  const { actors, count, tick } = watched(1, 5)
  const look = () => {
    const before = count('@xstate.event') + count('@xstate.snapshot')
    for (let i = 0; i < 100; i++) actors[0]!.send({ type: 'look' })
    return count('@xstate.event') + count('@xstate.snapshot') - before
  }
  assert.ok(look() <= 5)
  tick()
  assert.is(look(), 5)
})

test('of many actors the first are shown, and announced again', () => {
  const { sampler, count } = watched(5, 0)
  assert.is(count('@xstate.actor'), 2)
  sampler.announce()
  assert.is(count('@xstate.actor'), 4)
})

test.run()
