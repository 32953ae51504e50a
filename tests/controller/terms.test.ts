/** What begins and ends with a term as active controller. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { MutableImage } from '../../actors/metadata/create-image.ts'
import { imageHash } from '../../actors/metadata/snapshot.ts'
import { decodeResponse, encodeRequest } from '../../transport/protocol/api.ts'
import { errorCodes, errorName } from '../../transport/protocol/errors.ts'
import { encodeRecord } from '../../transport/protocol/record.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { Envelope } from '../../transport/schemas/58-envelope.ts'
import { DefaultPrincipalData } from '../../transport/schemas/records/principal.ts'
import { topic } from './requests.ts'
import { active, settle, type World, world } from './world.ts'

const create = (it: World, name: string) =>
  it.ask(CreateTopics, { topics: [topic(name)], timeoutMs: 1_000, validateOnly: false })

const types = (it: World) => it.records().map(({ type }) => type)

test('an empty log gets the bootstrap records once, in one metadata transaction', async () => {
  const it = await active()
  assert.equal(types(it), ['BeginTransactionRecord', 'FeatureLevelRecord', 'EndTransactionRecord'])
  assert.is(it.committed().features().get('metadata.version'), 30)
  await it.quorum.depose('kept')
  await it.quorum.lead(3)
  assert.is(types(it).length, 3)
})

test('lost-bootstrap: a first leader deposed before its first commit writes them again, once', async () => {
  const it = world()
  it.quorum.commits = 'when told'
  await it.quorum.lead(1)
  await it.quorum.depose('lost')
  assert.equal(types(it), [])
  it.quorum.commits = 'at once'
  await it.quorum.lead(3)
  await settle()
  assert.is(types(it).filter((type) => type === 'FeatureLevelRecord').length, 1)
  assert.equal(it.faults, [])
})

test('an open metadata transaction of a predecessor is aborted, and nothing of it is seen', async () => {
  const it = world()
  it.quorum.batches.push({
    baseOffset: 0,
    lastOffset: 1,
    epoch: 1,
    appendTimestampMs: 0,
    sizeBytes: 1,
    records: [
      { type: 'BeginTransactionRecord', name: 'Bootstrap records' },
      { type: 'FeatureLevelRecord', name: 'metadata.version', featureLevel: 29 },
    ],
  })
  await it.quorum.lead(2)
  await settle()
  assert.is(types(it)[2], 'AbortTransactionRecord')
  assert.is(it.committed().features().get('metadata.version'), 30)
})

test('an answer leaves once its records are committed', async () => {
  const it = await active()
  await it.brokers(7)
  it.quorum.commits = 'when told'
  let answered = false
  const asked = create(it, 'a').then(() => {
    answered = true
  })
  await settle()
  assert.not.ok(answered)
  assert.ok(it.controller.image().topicByName('a'))
  assert.not.ok(it.committed().topicByName('a'))
  await it.quorum.commit()
  await asked
  assert.ok(it.committed().topicByName('a'))
})

test('M9: a second creation is refused by what is not committed yet, and answered after it', async () => {
  const it = await active()
  await it.brokers(7)
  it.quorum.commits = 'when told'
  const first = create(it, 'a')
  const second = create(it, 'a')
  await settle()
  await it.quorum.commit()
  assert.is(errorName((await first).topics[0]!.errorCode), 'NONE')
  assert.is(errorName((await second).topics[0]!.errorCode), 'TOPIC_ALREADY_EXISTS')
})

for (const fate of ['lost', 'kept'] as const) {
  test(`M4: deposed, it returns to the committed point; its open records are ${fate}`, async () => {
    const it = await active()
    await it.brokers(7, 8, 9)
    await create(it, 'before')
    const point = imageHash(it.controller.image() as MutableImage)
    it.quorum.commits = 'when told'
    const open = create(it, 'open')
    await settle()
    assert.is.not(imageHash(it.controller.image() as MutableImage), point)
    await it.quorum.depose(fate)
    assert.is(errorName((await open).topics[0]!.errorCode), 'NOT_CONTROLLER')
    assert.is(it.controller.image().topicByName('open') !== undefined, fate === 'kept')
    assert.is(imageHash(it.controller.image() as MutableImage), imageHash(it.committed()))
    assert.equal(it.faults, [])
    it.quorum.commits = 'at once'
    await it.quorum.lead(3)
    const again = await create(it, 'open')
    const expected = fate === 'kept' ? 'TOPIC_ALREADY_EXISTS' : 'NONE'
    assert.is(errorName(again.topics[0]!.errorCode), expected)
  })
}

test('a metadata log at rest moves by one record an idle interval', async () => {
  const it = await active({ 'metadata.max.idle.interval.ms': '500' })
  const before = it.records().length
  await it.clock.advance(2_600)
  const added = it.records().slice(before)
  assert.ok(added.length >= 4 && added.length <= 5, `${added.length}`)
  assert.ok(added.every(({ type }) => type === 'NoOpRecord'))
})

const envelope = (request: Parameters<typeof encodeRequest<typeof CreateTopics>>[3]) => ({
  requestData: Buffer.concat(
    encodeRequest(CreateTopics, 7, { correlationId: 41, clientId: 'kim' }, request),
  ),
  requestPrincipal: Buffer.concat([
    Buffer.alloc(2),
    encodeRecord(DefaultPrincipalData, 0, {
      type: 'User',
      name: 'kim',
      tokenAuthenticated: false,
    }),
  ]),
  clientHostAddress: Buffer.from([10, 0, 0, 7]),
})

test('what brokers forward is answered as its client would be, header included', async () => {
  const it = await active()
  await it.brokers(7)
  const request = { topics: [topic('a')], timeoutMs: 1_000, validateOnly: false }
  const answer = await it.ask(Envelope, envelope(request))
  assert.is(answer.errorCode, 0)
  assert.is(answer.responseData!.readInt32BE(0), 41)
  const inner = decodeResponse(CreateTopics, 7, answer.responseData!)
  assert.is(inner.topics[0]?.name, 'a')
  assert.ok(it.committed().topicByName('a'))
})

test('the envelope itself says NOT_CONTROLLER, also when leadership is lost underway', async () => {
  const it = await active()
  await it.brokers(7)
  it.quorum.commits = 'when told'
  const request = { topics: [topic('a')], timeoutMs: 1_000, validateOnly: false }
  const open = it.ask(Envelope, envelope(request))
  await settle()
  await it.quorum.depose('lost')
  assert.is((await open).errorCode, errorCodes.NOT_CONTROLLER)
  const late = await it.ask(Envelope, envelope(request))
  assert.is(late.errorCode, errorCodes.NOT_CONTROLLER)
  assert.is(late.responseData, null)
})

test('only what brokers forward fits into an envelope', async () => {
  const it = await active()
  const nested = encodeRequest(
    Envelope,
    0,
    { correlationId: 1, clientId: null },
    {
      requestData: Buffer.alloc(0),
      requestPrincipal: null,
      clientHostAddress: Buffer.alloc(4),
    },
  )
  const answer = await it.ask(Envelope, {
    ...envelope({ topics: [], timeoutMs: 0, validateOnly: false }),
    requestData: Buffer.concat(nested),
  })
  assert.is(errorName(answer.errorCode), 'INVALID_REQUEST')
})

test.run()
