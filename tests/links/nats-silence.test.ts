/**
 * A NATS server that is silent, or goes away at a bad moment, played by a scripted one. What the
 * client gave up must not come to life when the server speaks again.
 */
import { createServer, type Socket } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LinkError } from '../../transport/links/link.ts'
import { natsConnection } from '../../transport/links/nats-connection.ts'
import { realClock } from './clock.ts'
import { until, within } from './patience.ts'

const test = suite('a NATS server that is silent')

const info = `INFO ${JSON.stringify({ server_id: 'scripted', version: '2.9.10', headers: true, max_payload: 1_048_576 })}\r\n`

/** Says its INFO while it `speaks`, to all who wait once it is told to; answers each PING. */
async function scriptedServer() {
  const dialled: Socket[] = []
  let speaks = true
  let endsAt: string | undefined
  const greeted = new WeakSet<Socket>()
  const greet = (socket: Socket) => {
    if (greeted.has(socket)) return
    greeted.add(socket)
    socket.write(info)
  }
  const server = createServer((socket) => {
    dialled.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      if (endsAt !== undefined && chunk.includes(endsAt)) {
        endsAt = undefined
        socket.destroy()
        return
      }
      for (const _ of String(chunk).matchAll(/PING\r\n/g)) socket.write('PONG\r\n')
    })
    if (speaks) greet(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it has no port')
  return {
    url: `nats://127.0.0.1:${address.port}`,
    dialled,
    open: () => dialled.filter((socket) => !socket.destroyed),
    /** Ends the connection that says this, once. */
    endAt(words: string) {
      endsAt = words
    },
    fallSilent() {
      speaks = false
    },
    speakAgain() {
      speaks = true
      for (const socket of dialled) greet(socket)
    },
    close() {
      for (const socket of dialled) socket.destroy()
      server.close()
    },
  }
}

let server: Awaited<ReturnType<typeof scriptedServer>>
let connection: ReturnType<typeof natsConnection>
let changes: boolean[]

test.before.each(async () => {
  server = await scriptedServer()
  changes = []
  connection = natsConnection(
    { servers: [server.url] },
    {
      clock: realClock,
      name: 'silence',
      onChange: (up) => changes.push(up),
      onTrouble: () => {},
    },
  )
  connection.subscribe('note', () => {})
})
test.after.each(async () => {
  await within('the connection closes', connection.close())
  server.close()
})

test('a dial that was given up leaves nothing behind', async () => {
  await connection.connect()
  server.fallSilent()
  server.dialled[0]!.destroy()
  await until(() => server.dialled.length === 3) // the second heard nothing
  server.speakAgain()
  await until(() => connection.isUp())
  await until(() => server.open().length === 1)
  server.dialled[1]!.destroy()
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.equal(changes, [true, false, true])
  assert.is(server.dialled.length, 3)
})

test('a connection that is closed while it dials stays closed', async () => {
  await connection.connect()
  server.fallSilent()
  server.dialled[0]!.destroy()
  await until(() => server.dialled.length === 2)
  await connection.close()
  server.speakAgain()
  await until(() => server.open().length === 0)
  assert.equal(changes, [true, false])
})

test('a server that goes away while a node connects is found again', async () => {
  server.endAt('SUB')
  await within('it connects', connection.connect())
  assert.is(connection.isUp(), true)
  assert.is(server.dialled.length, 2)
})

test('a connection may be closed before its server took its subscriptions', async () => {
  server.endAt('SUB')
  server.fallSilent()
  const connected = connection.connect()
  await until(() => server.dialled.length === 1)
  server.speakAgain()
  server.fallSilent()
  await until(() => server.dialled.length === 2)
  await connection.close()
  const outcome = await within(
    'connecting ends',
    connected.then(
      () => undefined,
      (why) => why,
    ),
  )
  assert.instance(outcome, LinkError)
})

test.run()
