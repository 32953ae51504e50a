/** The way to the controller: found again when it moves, dies or is silent, until the deadline. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createControllerChannel } from '../../actors/broker/controller-channel.ts'
import { memoryNetwork } from '../../transport/links/memory.ts'
import { serveApi } from '../../transport/links/rpc.ts'
import {
  decodeRequest,
  encodeResponse,
  peekRequestHeader,
  type Response,
} from '../../transport/protocol/api.ts'
import { errorCodes, KafkaError } from '../../transport/protocol/errors.ts'
import { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import { DescribeQuorum } from '../../transport/schemas/55-describe-quorum.ts'
import { Envelope } from '../../transport/schemas/58-envelope.ts'
import { AllocateProducerIds } from '../../transport/schemas/67-allocate-producer-ids.ts'
import { asker, clusterId } from '../replica/rig.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'

const test = suite('controller channel')

type Served = Response<typeof AllocateProducerIds>
const block = (errorCode: number, producerIdStart = 0): Served => ({
  throttleTimeMs: 0,
  errorCode,
  producerIdStart,
  producerIdLen: 10,
})
const notController = () => block(errorCodes.NOT_CONTROLLER)

async function world(controllers: Record<number, () => Served | Promise<Served>>) {
  const clock = fakeClock()
  const network = memoryNetwork({ clock })
  const asked: number[] = []
  let leaderId = -1
  const listeners: (() => void)[] = []
  const linkOf = (nodeId: number) =>
    network.link({ clusterId, self: { nodeId, incarnationId: `incarnation-${nodeId}` } })
  const links = new Map<number, ReturnType<typeof linkOf>>()
  for (const [id, answer] of Object.entries(controllers)) {
    const link = linkOf(Number(id))
    serveApi(link, AllocateProducerIds, [0, 0], () => {
      asked.push(Number(id))
      return answer()
    })
    await connect(clock, link)
    links.set(Number(id), link)
  }
  const link = linkOf(1)
  await connect(clock, link)
  const channel = createControllerChannel({
    link,
    clock,
    leader: {
      current: () => ({ leaderId, epoch: 1 }),
      onChange: (listener) => void listeners.push(listener),
    },
  })
  return {
    clock,
    network,
    asked,
    channel,
    links,
    lead(id: number) {
      leaderId = id
      for (const tell of listeners) tell()
    },
    allocate: (timeoutMs = 5_000) =>
      channel.call(AllocateProducerIds, 0, { brokerId: 1, brokerEpoch: 5 }, timeoutMs),
  }
}

async function connect(clock: FakeClock, link: { connect(): Promise<void> }) {
  const connecting = link.connect()
  await clock.advance(1)
  await connecting
}

test('NOT_CONTROLLER means: look again', async () => {
  let active = false
  const at = await world({ 100: () => (active ? block(0, 40) : notController()) })
  at.lead(100)
  const asking = at.allocate()
  await at.clock.advance(100)
  active = true
  await at.clock.advance(100)
  assert.is((await asking).producerIdStart, 40)
  assert.ok(at.asked.length > 2)
})

test('without a leader it waits for one', async () => {
  const at = await world({ 100: () => block(0, 40) })
  const asking = at.allocate()
  await at.clock.advance(1_000)
  assert.is(at.asked.length, 0)
  at.lead(100)
  await at.clock.advance(50)
  assert.is((await asking).producerIdStart, 40)
})

test('heartbeat-to-dead-controller: who is dead or silent is left as soon as another leads', async () => {
  const never = new Promise<Served>(() => {})
  const at = await world({ 100: () => never, 101: () => block(0, 50) })
  at.lead(100)
  const asking = at.allocate(60_000)
  await at.clock.advance(1_000)
  at.lead(101)
  await at.clock.advance(50)
  assert.is((await asking).producerIdStart, 50)
})

test('a lost request of its own is repeated', async () => {
  const at = await world({ 100: () => block(0, 60) })
  at.lead(100)
  at.network.partition([[1], [100]])
  const asking = at.allocate(10_000)
  await at.clock.advance(100)
  at.network.heal()
  await at.clock.advance(3_000)
  assert.is((await asking).producerIdStart, 60)
})

test('it ends at the deadline', async () => {
  const at = await world({ 100: notController })
  at.lead(100)
  const asking = at.allocate(500).catch((error: unknown) => error)
  await at.clock.advance(600)
  const error = await asking
  assert.instance(error, KafkaError)
  assert.is((error as KafkaError).code, 'REQUEST_TIMED_OUT')
})

/** A channel to one controller, which takes what is forwarded. */
async function forwarding(take: Parameters<typeof serveApi<typeof Envelope>>[3]) {
  const clock = fakeClock()
  const network = memoryNetwork({ clock })
  const linkOf = (nodeId: number) =>
    network.link({ clusterId, self: { nodeId, incarnationId: `incarnation-${nodeId}` } })
  const controller = linkOf(100)
  serveApi(controller, Envelope, [0, 0], take)
  await connect(clock, controller)
  const link = linkOf(1)
  await connect(clock, link)
  const leader = { current: () => ({ leaderId: 100, epoch: 1 }), onChange: () => {} }
  return { clock, channel: createControllerChannel({ link, clock, leader }) }
}

test('a forwarded request keeps version, correlation, principal and address of its asker', async () => {
  let calls = 0
  const { clock, channel } = await forwarding(({ requestData, clientHostAddress }) => {
    if (calls++ === 0) return { responseData: null, errorCode: errorCodes.NOT_CONTROLLER }
    const header = peekRequestHeader(requestData)
    assert.is(header.apiVersion, 2)
    assert.is(header.correlationId, 1)
    assert.is(header.clientId, 'test')
    assert.is(clientHostAddress.toString('hex'), '20010db8000000000000000000000001')
    assert.is(decodeRequest(DescribeQuorum, header, requestData).topics[0]!.topicName, 'x')
    const answer = { errorCode: 0, errorMessage: 'seen', topics: [], nodes: [] }
    const data = encodeResponse(DescribeQuorum, 2, header.correlationId, answer)
    return { responseData: Buffer.concat(data), errorCode: 0 }
  })
  const asking = channel.forward(
    DescribeQuorum,
    { topics: [{ topicName: 'x', partitions: [{ partitionIndex: 0 }] }] },
    asker(2, { clientAddress: '/2001:db8::1' }),
    1_000,
  )
  await clock.advance(100)
  assert.is((await asking).errorMessage, 'seen')
})

test('M9: the copies of a forwarded change share an id, which no other request has', async () => {
  const ids: (number | undefined)[] = []
  const { clock, channel } = await forwarding(({ requestData }, { requestId }) => {
    ids.push(requestId)
    if (ids.length < 3) return { responseData: null, errorCode: errorCodes.NOT_CONTROLLER }
    const { correlationId, apiVersion } = peekRequestHeader(requestData)
    const answer = { throttleTimeMs: 0, responses: [] }
    const data = encodeResponse(DeleteTopics, apiVersion, correlationId, answer)
    return { responseData: Buffer.concat(data), errorCode: 0 }
  })
  const request = { topics: [], topicNames: ['x'], timeoutMs: 1_000 }
  for (let each = 0; each < 2; each++) {
    const asking = channel.forward(DeleteTopics, request, asker(5), 1_000)
    await clock.advance(100)
    await asking
  }
  assert.equal(ids, [1, 1, 1, 2])
})

test('a forwarded change is given up after a minute, however long its client would wait', async () => {
  let copies = 0
  const { clock, channel } = await forwarding(() => {
    copies++
    return new Promise(() => {})
  })
  const request = { topics: [], topicNames: ['x'], timeoutMs: 600_000 }
  const asking = channel.forward(DeleteTopics, request, asker(5), 600_000).catch((why) => why)
  await clock.advance(61_000)
  const error: unknown = await Promise.race([asking, Promise.resolve('still asking')])
  assert.instance(error, KafkaError)
  assert.is((error as KafkaError).code, 'REQUEST_TIMED_OUT')
  assert.is(copies, 2)
})

test.run()
