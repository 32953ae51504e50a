/** Brokers come, beat, are fenced, stop and come back. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { errorName } from '../../transport/protocol/errors.ts'
import { UnregisterBroker } from '../../transport/schemas/64-unregister-broker.ts'
import { AllocateProducerIds } from '../../transport/schemas/67-allocate-producer-ids.ts'
import { ControllerRegistration } from '../../transport/schemas/70-controller-registration.ts'
import { active, incarnation, registration, settle, world } from './world.ts'

test('M5: a broker epoch is the offset of its registration, and unfencing waits for its replay', async () => {
  const it = await active()
  const { epoch } = await it.register(7)
  const batch = it.quorum.batches.find(({ baseOffset }) => baseOffset === epoch)
  assert.is(batch?.records[0]?.type, 'RegisterBrokerRecord')
  const early = await it.beat(7, epoch, { currentMetadataOffset: epoch - 1 })
  assert.equal([early.isCaughtUp, early.isFenced], [false, true])
  const caughtUp = await it.beat(7, epoch, { currentMetadataOffset: epoch })
  assert.equal([caughtUp.isCaughtUp, caughtUp.isFenced], [true, false])
  assert.is(it.committed().brokers().get(7)?.fenced, false)
})

test('an unknown broker and an old epoch are both told to register again', async () => {
  const it = await active()
  const { epoch } = await it.register(7)
  for (const [id, stale] of [
    [7, epoch - 1],
    [8, epoch],
  ] as const) {
    assert.is(errorName((await it.beat(id, stale)).errorCode), 'STALE_BROKER_EPOCH')
  }
})

test('one live incarnation per id: another waits for the end of the session', async () => {
  const it = await active()
  const epochs = await it.brokers(7)
  const again = { incarnationId: incarnation('second') }
  assert.is((await it.register(7, again)).error, 'DUPLICATE_BROKER_REGISTRATION')
  await it.clock.advance(9_001)
  const { error, epoch } = await it.register(7, again)
  assert.is(error, 'NONE')
  assert.ok(epoch > epochs.get(7)!)
})

test('a session that a new controller gave ends when another process holds the directories', async () => {
  const it = await active()
  const epochs = await it.brokers(7)
  await it.quorum.depose('kept')
  await it.quorum.lead(3)
  const again = { incarnationId: incarnation('second') }
  const { error, epoch } = await it.register(7, again)
  assert.is(error, 'NONE')
  assert.ok(epoch > epochs.get(7)!)
})

test('a session that a heartbeat confirmed is kept for its process, whoever holds its directories', async () => {
  const it = await active()
  const epochs = await it.brokers(7)
  await it.quorum.depose('kept')
  await it.quorum.lead(3)
  await it.beat(7, epochs.get(7)!)
  const again = { incarnationId: incarnation('second') }
  assert.is((await it.register(7, again)).error, 'DUPLICATE_BROKER_REGISTRATION')
})

test('the same incarnation registers again and keeps its epoch', async () => {
  const it = await active()
  const epochs = await it.brokers(7)
  assert.equal(await it.register(7), { error: 'NONE', epoch: epochs.get(7) })
  assert.is(it.committed().brokers().get(7)?.fenced, false)
})

test('a death noticed by probe fences at once and lets the next incarnation in', async () => {
  const it = await active()
  await it.brokers(7, 8)
  it.controller.brokerGone(7, incarnation('another'))
  await settle()
  assert.is(it.committed().brokers().get(7)?.fenced, false)
  it.controller.brokerGone(7, registration(7).incarnationId)
  await settle()
  assert.is(it.committed().brokers().get(7)?.fenced, true)
  assert.is(it.committed().brokers().get(8)?.fenced, false)
  assert.is((await it.register(7, { incarnationId: incarnation('second') })).error, 'NONE')
})

test('a death noticed on standby counts when this controller takes over', async () => {
  const it = await active()
  await it.brokers(7)
  await it.quorum.depose('kept')
  it.controller.brokerGone(7, registration(7).incarnationId)
  await it.quorum.lead(3)
  await settle()
  assert.is(it.committed().brokers().get(7)?.fenced, true)
})

test('a death noticed on standby is forgotten when the broker is heard after all', async () => {
  const it = await active()
  await it.brokers(7)
  await it.quorum.depose('kept')
  it.controller.brokerGone(7, registration(7).incarnationId)
  it.controller.brokerHeard(7, registration(7).incarnationId)
  await it.quorum.lead(3)
  await settle()
  assert.is(it.committed().brokers().get(7)?.fenced, false)
})

test('registrations that do not fit the cluster are refused', async () => {
  const it = await active()
  await it.register(7)
  const features = [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 29 }]
  for (const [more, error] of [
    [{ clusterId: 'other' }, 'INCONSISTENT_CLUSTER_ID'],
    [{ features }, 'UNSUPPORTED_VERSION'],
    [{ features: [] }, 'INVALID_REGISTRATION'],
    [{ logDirs: [] }, 'INVALID_REGISTRATION'],
    [{ logDirs: registration(7).logDirs }, 'INVALID_REGISTRATION'],
    [{ logDirs: ['AAAAAAAAAAAAAAAAAAAAAQ'] }, 'INVALID_REGISTRATION'],
  ] as const) {
    assert.is((await it.register(8, more as object)).error, error)
  }
  assert.not.ok(it.committed().brokers().has(8))
})

test('who falls silent is fenced after its session, who beats is not', async () => {
  const it = await active()
  const epochs = await it.brokers(7, 8)
  await it.live(9_500, new Map([[8, epochs.get(8)!]]))
  assert.is(it.committed().brokers().get(7)?.fenced, true)
  assert.is(it.committed().brokers().get(8)?.fenced, false)
})

test('M6: a controller that stalled fences nobody whose heartbeats wait in its queues', async () => {
  const it = await active()
  const epochs = await it.brokers(7, 8)
  await it.live(8_000, epochs)
  await it.clock.stall(9_500)
  await it.beat(7, epochs.get(7)!)
  await it.clock.advance(1_500)
  const fenced = it
    .records()
    .flatMap((record) =>
      record.type === 'BrokerRegistrationChangeRecord' && record.fenced === 1
        ? [record.brokerId]
        : [],
    )
  assert.equal(fenced, [8], 'the grace ends for who stays silent')
})

test('M6: a new controller gives every unfenced broker a fresh session', async () => {
  const it = await active()
  await it.brokers(7)
  await it.clock.advance(8_000)
  await it.quorum.depose('kept')
  await it.clock.advance(20_000)
  assert.is(it.committed().brokers().get(7)?.fenced, false, 'a standby fences nobody')
  await it.quorum.lead(3)
  await it.clock.advance(8_900)
  assert.is(it.committed().brokers().get(7)?.fenced, false)
  const another = await it.register(7, {
    incarnationId: incarnation('second'),
    logDirs: [incarnation('another disk')],
  })
  assert.is(another.error, 'DUPLICATE_BROKER_REGISTRATION')
  await it.clock.advance(200)
  assert.is(it.committed().brokers().get(7)?.fenced, true)
})

test('a broker that stops hands over, waits until all have seen it, and may return at once', async () => {
  const it = await active()
  const epochs = await it.brokers(7, 8)
  const asked = await it.beat(7, epochs.get(7)!, { wantShutDown: true })
  assert.is(asked.shouldShutDown, true, 'it leads nothing')
  assert.is(it.committed().brokers().get(7)?.fenced, true)
  const back = await it.register(7, { incarnationId: incarnation('second') })
  assert.is(back.error, 'NONE')
})

test('an unregistered broker is unknown; unregistering twice is an error', async () => {
  const it = await active()
  const epochs = await it.brokers(7)
  assert.is((await it.ask(UnregisterBroker, { brokerId: 7 })).errorCode, 0)
  assert.is(errorName((await it.beat(7, epochs.get(7)!)).errorCode), 'STALE_BROKER_EPOCH')
  const again = await it.ask(UnregisterBroker, { brokerId: 7 })
  assert.is(errorName(again.errorCode), 'BROKER_ID_NOT_REGISTERED')
})

test('I5: producer ids are handed out once, in blocks of a thousand', async () => {
  const it = await active()
  const epochs = await it.brokers(7)
  const ask = (brokerEpoch: number) => it.ask(AllocateProducerIds, { brokerId: 7, brokerEpoch })
  const blocks = await Promise.all([ask(epochs.get(7)!), ask(epochs.get(7)!)])
  assert.equal(
    blocks.map(({ producerIdStart, producerIdLen }) => [producerIdStart, producerIdLen]),
    [
      [0, 1_000],
      [1_000, 1_000],
    ],
  )
  assert.is(errorName((await ask(1)).errorCode), 'STALE_BROKER_EPOCH')
})

test('a controller registers its incarnation and endpoints', async () => {
  const it = await active()
  const answer = await it.ask(ControllerRegistration, {
    controllerId: 2,
    incarnationId: incarnation('c2'),
    zkMigrationReady: false,
    listeners: [{ name: 'CONTROLLER', host: 'localhost', port: 9093, securityProtocol: 0 }],
    features: [{ name: 'metadata.version', minSupportedVersion: 7, maxSupportedVersion: 30 }],
  })
  assert.is(answer.errorCode, 0)
  assert.is(it.committed().controllers().get(2)?.endpoints[0]?.port, 9093)
})

test('a standby decides nothing', async () => {
  const it = world()
  assert.is((await it.register(7)).error, 'NOT_CONTROLLER')
  assert.is(errorName((await it.beat(7, 1)).errorCode), 'NOT_CONTROLLER')
  assert.equal(it.faults, [])
})

test.run()
