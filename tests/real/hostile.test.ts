/** Peers that break the protocol cost themselves a connection, and nobody else anything (W1, W2). */
import { connect, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { startEmbedded } from './support/clusters.ts'
import { eventually, residentBytes, sleep } from './support/processes.ts'
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

/** What the cluster logged since: each line at warn or above. */
const told = () => cluster.program.errors.filter((line) => /"level":[456]0/.test(line))

/** The connection ends, with one line in the log, and all others are served. */
async function endsWithOneLine(bytes: Buffer, why: RegExp, how = () => send(bytes)) {
  const before = told().length
  assert.is(await how(), 'closed')
  await eventually(
    'a line in the log',
    async () => told().length - before,
    (lines) => lines > 0,
  )
  await stillServes()
  const lines = told().slice(before)
  assert.is(lines.length, 1, lines.join('\n'))
  assert.match(lines[0]!, why)
}

const lengthOf = (bytes: number) => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(bytes)
  return length
}

const hostile: [what: string, bytes: Buffer, why: RegExp][] = [
  ['a frame above socket.request.max.bytes', lengthOf(0x7fffffff), /a frame of 2147483647 bytes/],
  ['a frame of negative size', lengthOf(-5), /a frame of -5 bytes/],
  ['an empty frame', lengthOf(0), /malformed request/],
  ['an api that nobody knows', header(999, 0), /api 999 is not offered/],
  ['a version that nobody offers', header(3, 99), /Metadata v99 is not offered/],
  ['a huge array in a tiny frame', header(3, 1, lengthOf(0x7fffffff)), /Metadata v1/],
  ['a request that ends early', header(3, 1, Buffer.alloc(1)), /Metadata v1/],
  ['a request that goes on too long', header(3, 1, Buffer.alloc(64)), /Metadata v1/],
  ['random bytes', frame(Buffer.from('9b1f66d3a07c52e8b4', 'hex')), /header ends too early/],
]

for (const [what, bytes, why] of hostile) {
  test(`${what} ends its connection, with one log line`, () => endsWithOneLine(bytes, why))
}

test('a connection that ends within a frame is told in one log line', async () => {
  for (const bytes of [header(3, 1, lengthOf(0)).subarray(0, 9), lengthOf(100)]) {
    await endsWithOneLine(bytes, /ended within a frame/, async () => {
      const socket = await dial()
      const closed = new Promise<'closed'>((resolve) => socket.on('close', () => resolve('closed')))
      socket.resume().end(bytes)
      return closed
    })
  }
})

test('a client that leaves between frames is told of by nobody', async () => {
  const before = told().length
  const socket = await dial()
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.resume().end()
  await closed
  await stillServes()
  assert.equal(told().slice(before), [])
})

test('2,000 bad connections leave no memory behind', async () => {
  const bad = async (count: number) => {
    for (let i = 0; i < count; i++) await send(hostile[i % hostile.length]![1])
  }
  await bad(500) // what is compiled and pooled once
  const before = residentBytes(cluster.program)
  await bad(2_000)
  const grown = (residentBytes(cluster.program) - before) / 1024 / 1024
  assert.ok(grown < 50, `${grown} MiB`)
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
