/** Who may connect to a NATS server, and what its permissions keep a node from. */
import { randomBytes } from 'node:crypto'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LinkError } from '../../transport/links/link.ts'
import { natsLink } from '../../transport/links/nats.ts'
import type { NatsOptions } from '../../transport/links/nats-connection.ts'
import { realClock } from './clock.ts'
import { hasNatsServer, natsServer } from './nats-server.ts'
import { until } from './patience.ts'

const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'

const users = `authorization {
  users: [
    { user: one, password: first, permissions: { publish: ["samsa.>"], subscribe: ["samsa.*.node.1.>"] } }
    { user: two, password: second, permissions: { publish: ["samsa.>"], subscribe: ["samsa.*.node.2.>"] } }
  ]
}`

function node(nodeId: number, nats: NatsOptions, troubles: string[] = []) {
  const incarnationId = randomBytes(16).toString('base64url')
  const link = natsLink({
    clusterId,
    self: { nodeId, incarnationId },
    clock: realClock,
    nats,
    onTrouble: (what) => troubles.push(what),
  })
  link.serve('Who', () => [Buffer.from(`node ${nodeId}`)])
  return link
}

if (hasNatsServer()) {
  test('a node needs only subjects below its own id', async () => {
    const server = await natsServer(undefined, users)
    const servers = [server.url]
    const troubles: string[] = []
    const one = node(1, { servers, user: 'one', pass: 'first' }, troubles)
    const two = node(2, { servers, user: 'two', pass: 'second' }, troubles)
    await Promise.all([one.connect(), two.connect()])
    const options = { timeoutMs: 5_000, lane: 'control' } as const
    assert.is(String(await one.request(2, 'Who', [Buffer.from('?')], options)), 'node 2')
    assert.is(await two.probe(one.self, 5_000), 'alive')
    assert.equal(troubles, [])
    await Promise.all([one.close(), two.close()])
    await server.stop()
  })

  test('a node that may not listen for another is told so, and does not answer for it', async () => {
    const server = await natsServer(undefined, users)
    const servers = [server.url]
    const troubles: string[] = []
    const impostor = node(2, { servers, user: 'one', pass: 'first' }, troubles)
    const one = node(1, { servers, user: 'one', pass: 'first' })
    await Promise.all([impostor.connect(), one.connect()])
    const asked = one.request(2, 'Who', [], { timeoutMs: 5_000, lane: 'control' })
    await asked.then(
      () => assert.unreachable(),
      (error) => {
        assert.instance(error, LinkError)
        assert.is(error.failure, 'noResponders')
      },
    )
    assert.ok(troubles.some((what) => what.includes('samsa.')))
    await Promise.all([impostor.close(), one.close()])
    await server.stop()
  })

  test('a permission that was missing is used once the server grants it', async () => {
    const revoked = users.replace('samsa.*.node.2.>', 'samsa.*.node.9.>')
    const server = await natsServer(undefined, revoked)
    const servers = [server.url]
    const one = node(1, { servers, user: 'one', pass: 'first' })
    const two = node(2, { servers, user: 'two', pass: 'second' })
    await Promise.all([one.connect(), two.connect()])
    assert.is(await one.probe(two.self, 5_000), 'noResponders')
    await server.kill()
    server.configure(users)
    await server.start()
    await until(async () => one.isUp() && (await one.probe(two.self, 5_000)) === 'alive')
    await Promise.all([one.close(), two.close()])
    await server.stop()
  })

  test('wrong credentials are told at once', async () => {
    const server = await natsServer(undefined, users)
    const wrong = node(1, { servers: [server.url], user: 'one', pass: 'guessed' })
    await wrong.connect().then(
      () => assert.unreachable(),
      (error) => assert.match(error.message, 'refuses us'),
    )
    await wrong.close()
    await server.stop()
  })
}

test.run()
