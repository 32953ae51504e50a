/** The broker lifecycle chart: what is asked of the controller, and when. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createActor } from 'xstate'
import { brokerLifecycle } from '../../machines/broker-lifecycle.ts'
import { fakeClock } from '../support/clock.ts'

const test = suite('broker lifecycle')

type Asked = { type: string; wantFence?: boolean; wantShutDown?: boolean }

function host() {
  const clock = fakeClock()
  const asked: Asked[] = []
  const chart = brokerLifecycle.provide({
    actions: {
      sendRegistration: () => void asked.push({ type: 'register' }),
      sendHeartbeat: (_, wants) => void asked.push({ type: 'beat', ...wants }),
      unexpected: ({ event }) => assert.unreachable(JSON.stringify(event)),
    },
  })
  const actor = createActor(chart, { input: { heartbeatIntervalMs: 2_000 }, clock }).start()
  const token = () => actor.getSnapshot().context.sent
  return {
    clock,
    asked,
    actor,
    token,
    state: () => actor.getSnapshot().value,
    registered: (brokerEpoch = 7) =>
      actor.send({ type: 'BrokerRegistration', token: token(), brokerEpoch }),
    beaten: (more: { isCaughtUp?: boolean; isFenced?: boolean; shouldShutDown?: boolean } = {}) =>
      actor.send({
        type: 'BrokerHeartbeat',
        token: token(),
        isCaughtUp: true,
        isFenced: true,
        shouldShutDown: false,
        ...more,
      }),
    failed: (staleBrokerEpoch = false) =>
      actor.send({ type: 'heartbeatFailed', token: token(), staleBrokerEpoch }),
  }
}

async function running() {
  const broker = host()
  broker.registered()
  broker.actor.send({ type: 'readyToUnfence' })
  broker.beaten()
  broker.beaten({ isFenced: false })
  return broker
}

test('a refused registration is tried again until the former session has ended', async () => {
  const broker = host()
  for (let i = 0; i < 3; i++) {
    broker.actor.send({ type: 'registrationFailed', token: broker.token() })
    await broker.clock.advance(50)
  }
  assert.is(broker.asked.filter(({ type }) => type === 'register').length, 4)
  broker.registered(12)
  assert.is(broker.actor.getSnapshot().context.brokerEpoch, 12)
})

test('it asks to stay fenced until its replicas are made', async () => {
  const broker = host()
  broker.registered()
  broker.beaten()
  await broker.clock.advance(10)
  assert.is(broker.asked.at(-1)!.wantFence, true)
  broker.actor.send({ type: 'readyToUnfence' })
  broker.beaten()
  await broker.clock.advance(10)
  assert.is(broker.asked.at(-1)!.wantFence, false)
  assert.equal(broker.state(), { recovery: 'beating' })
  broker.beaten({ isFenced: false })
  assert.equal(broker.state(), { running: 'resting' })
})

test('while it runs it beats at its interval, and at once when there is news', async () => {
  const broker = await running()
  const before = broker.asked.length
  await broker.clock.advance(1_999)
  assert.is(broker.asked.length, before)
  await broker.clock.advance(1)
  assert.is(broker.asked.length, before + 1)
  broker.beaten({ isFenced: false })
  broker.actor.send({ type: 'newsForController' })
  assert.is(broker.asked.length, before + 2)
})

test('a stale broker epoch means: register again, and it is still ready', async () => {
  const broker = await running()
  await broker.clock.advance(2_000)
  broker.failed(true)
  assert.equal(broker.state(), { starting: 'registering' })
  broker.registered(20)
  assert.is(broker.asked.at(-1)!.wantFence, false)
})

test('a late answer changes nothing', async () => {
  const broker = await running()
  const late = broker.token()
  await broker.clock.advance(2_000)
  broker.actor.send({ type: 'heartbeatFailed', token: late, staleBrokerEpoch: true })
  assert.equal(broker.state(), { running: 'beating' })
})

test('controlled shutdown ends when the controller says so', async () => {
  const broker = await running()
  broker.actor.send({ type: 'shutdown', deadlineMs: 30_000 })
  assert.is(broker.asked.at(-1)!.wantShutDown, true)
  broker.beaten()
  await broker.clock.advance(50)
  broker.beaten({ shouldShutDown: true })
  assert.is(broker.state(), 'shuttingDown')
  assert.is(broker.clock.pendingTimers(), 0)
})

test('controlled shutdown ends at its deadline', async () => {
  const broker = await running()
  broker.actor.send({ type: 'shutdown', deadlineMs: 3_000 })
  await broker.clock.advance(2_999)
  assert.equal(broker.state(), { pendingControlledShutdown: 'beating' })
  await broker.clock.advance(1)
  assert.is(broker.state(), 'shuttingDown')
})

test('a broker that was never unfenced stops at once', () => {
  const broker = host()
  broker.actor.send({ type: 'shutdown', deadlineMs: 3_000 })
  assert.is(broker.state(), 'shuttingDown')
})

test.run()
