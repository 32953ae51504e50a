/** Peers that break the protocol cost themselves a connection, and nobody else anything (W1, W2). */
import { connect, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { startEmbedded } from './support/clusters.ts'
import { sleep } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('hostile peers')
let cluster: Awaited<ReturnType<typeof startEmbedded>>
test.before(async () => {
  cluster = await startEmbedded('--ephemeral')
})
test.after(async () => {
  await cluster.stop()
})

const seed = Number(process.env.SEED ?? 20_261)
let state = seed
/** xorshift: the same bytes for the same seed. */
function random(): number {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) / 2 ** 32
}

function dial(): Promise<Socket> {
  const [host, port] = cluster.bootstrap.split(',')[0]!.split(':')
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => resolve(socket))
    socket.on('error', reject)
  })
}

/** Sends bytes; resolves with what came back once the peer closed, or after `waitMs` as 'open'. */
async function send(bytes: Buffer, waitMs = 2_000): Promise<'closed' | 'open'> {
  const socket = await dial()
  socket.on('error', () => {})
  const closed = new Promise<'closed'>((resolve) => socket.on('close', () => resolve('closed')))
  socket.resume()
  socket.write(bytes)
  const how = await Promise.race([closed, sleep(waitMs).then((): 'open' => 'open')])
  socket.destroy()
  return how
}

const frame = (body: Buffer) => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

/** Request header v1: api key, version, correlation id, client id. */
function header(apiKey: number, version: number, rest = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(10)
  head.writeInt16BE(apiKey, 0)
  head.writeInt16BE(version, 2)
  head.writeInt32BE(7, 4)
  head.writeInt16BE(-1, 8)
  return frame(Buffer.concat([head, rest]))
}

async function stillServes() {
  const admin = new Kafka({
    brokers: cluster.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
  }).admin()
  await admin.connect()
  const { brokers } = await admin.describeCluster()
  await admin.disconnect()
  assert.is(brokers.length, 3)
}

test('a frame above socket.request.max.bytes is refused before it is read', async () => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(0x7fffffff)
  assert.is(await send(length), 'closed')
  length.writeInt32BE(-5)
  assert.is(await send(length), 'closed')
  await stillServes()
})

test('an api that nobody knows ends its connection', async () => {
  assert.is(await send(header(999, 0)), 'closed')
  await stillServes()
})

test('tiny-frame-huge-array', async () => {
  const count = Buffer.alloc(4)
  count.writeInt32BE(0x7fffffff)
  assert.is(await send(header(3, 1, count)), 'closed')
  await stillServes()
})

test('a request that ends early, or goes on too long, ends its connection', async () => {
  assert.is(await send(header(3, 1, Buffer.alloc(1))), 'closed')
  assert.is(await send(header(3, 1, Buffer.alloc(64))), 'closed')
  await stillServes()
})

test(`random bytes disturb nobody (SEED=${seed})`, async () => {
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(Array.from({ length: 1 + random() * 300 }, () => random() * 256))
    await send(random() < 0.5 ? frame(bytes) : bytes, 20)
  }
  await stillServes()
})

test(`mutated requests disturb nobody (SEED=${seed})`, async () => {
  const keys = [0, 1, 2, 3, 8, 9, 10, 11, 12, 14, 15, 18, 19, 20, 22, 32]
  for (let round = 0; round < 300; round++) {
    const key = keys[Math.floor(random() * keys.length)]!
    const body = Buffer.from(Array.from({ length: random() * 120 }, () => random() * 4))
    await send(header(key, Math.floor(random() * 14), body), 15)
  }
  await stillServes()
})

test.run()
