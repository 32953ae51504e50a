/** M9: a forwarded change is decided once, however many copies of it come. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FORWARDED_MS, forwardedOnce } from '../../actors/controller/forwarded-once.ts'
import { serveController } from '../../actors/controller/table.ts'
import type { ControllerHost } from '../../actors/controller/types.ts'
import { memoryNetwork } from '../../transport/links/memory.ts'
import { call } from '../../transport/links/rpc.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { Envelope } from '../../transport/schemas/58-envelope.ts'
import { clusterId } from '../replica/rig.ts'
import { fakeClock } from '../support/clock.ts'

const test = suite('forwarded once')

const broker = { nodeId: 1, incarnationId: 'b' }
const bytesOf = (text: string) => ({ responseData: Buffer.from(text), errorCode: 0 })

function world(keptBytesMax?: number) {
  const clock = fakeClock()
  const once = forwardedOnce(clock, keptBytesMax)
  let decisions = 0
  const decide = async (errorCode = 0) => ({ ...bytesOf(`${++decisions}`), errorCode })
  const ask = async (requestId: number, errorCode = 0, from = broker) =>
    `${((await once(from, requestId, () => decide(errorCode))) as ReturnType<typeof bytesOf>).responseData}`
  return { clock, once, ask }
}

test('late-copy-of-a-mutation: it gets the answer of the copy that was decided', async () => {
  const { ask, clock } = world()
  assert.is(await ask(1), '1')
  assert.is(await ask(2), '2')
  await clock.advance(FORWARDED_MS)
  assert.is(await ask(1), '1', 'as late as a copy may come')
})

test('a copy that comes while the first is decided waits for the same answer', async () => {
  const { ask } = world()
  assert.equal(await Promise.all([ask(1), ask(1)]), ['1', '1'])
})

test('another incarnation counts by itself', async () => {
  const { ask } = world()
  assert.is(await ask(1), '1')
  assert.is(await ask(1, 0, { nodeId: 1, incarnationId: 'later' }), '2')
})

test('NOT_CONTROLLER decides nothing, and neither does a failure', async () => {
  const { ask, once } = world()
  assert.is(await ask(1, errorCodes.NOT_CONTROLLER), '1')
  assert.is(await ask(1), '2')
  const fail = () => {
    throw new Error('as asked')
  }
  await Promise.resolve(once(broker, 2, fail)).then(
    () => assert.unreachable(),
    () => {},
  )
  assert.is(await ask(2), '3')
})

test('what is kept is bounded, by time and by bytes', async () => {
  const { ask, clock } = world(600)
  for (const id of [1, 2, 3]) await ask(id)
  assert.is(await ask(3), '3')
  assert.is(await ask(1), '4')
  await clock.advance(3 * FORWARDED_MS)
  assert.is(await ask(1), '5')
})

test('over the link, an envelope that comes again is not handed to the controller twice', async () => {
  const clock = fakeClock()
  const network = memoryNetwork({ clock })
  const controller = network.link({ clusterId, self: { nodeId: 100, incarnationId: 'c' } })
  let looks = 0
  const isActive = () => ++looks > 0
  serveController(controller, { controller: { isActive } } as unknown as ControllerHost, clock)
  const link = network.link({ clusterId, self: broker })
  const connecting = Promise.all([controller.connect(), link.connect()])
  await clock.advance(10)
  await connecting
  const envelope = {
    // The header of an api that is not forwarded.
    requestData: Buffer.from('000000000000000100000000', 'hex'),
    requestPrincipal: null,
    clientHostAddress: Buffer.alloc(4),
  }
  const askWith = async (requestId: number) => {
    const options = { timeoutMs: 1_000, lane: 'control', requestId } as const
    const asking = call(link, Envelope, 0, 100, envelope, options)
    await clock.advance(10)
    return (await asking).errorCode
  }
  for (const id of [7, 7, 8]) assert.is(await askWith(id), errorCodes.INVALID_REQUEST)
  assert.is(looks, 2)
})

test.run()
