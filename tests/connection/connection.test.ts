/** Kafka's door, through a real socket: order, bounds, and what ends a connection. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InvariantError } from '../../actors/invariant.ts'
import { decodeResponse } from '../../transport/protocol/api.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { FindCoordinator } from '../../transport/schemas/10-find-coordinator.ts'
import { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import { type Client, correlationOf, serve, until } from './support.ts'

type Served = Awaited<ReturnType<typeof serve>>
const test = suite<{ served: Served }>('connections')

test.before.each(async (context) => {
  context.served = await serve()
})
test.after.each(({ served }) => served.close())

const find = (client: Client, correlationId: number, key = 'group') =>
  client.ask(FindCoordinator, 3, correlationId, { key, keyType: 0, coordinatorKeys: [] })

const beat = (client: Client, correlationId: number, groupId = 'group') =>
  client.ask(Heartbeat, 4, correlationId, {
    groupId,
    generationId: 1,
    memberId: 'm',
    groupInstanceId: null,
  })

const produce = (client: Client, correlationId: number, acks: number) =>
  client.ask(Produce, 9, correlationId, {
    transactionalId: null,
    acks,
    timeoutMs: correlationId,
    topicData: [],
  })

test('a request is answered, and its handler learns who asks', async ({ served }) => {
  const client = await served.client()
  find(client, 41, 'mine')
  const answer = (await client.next()) as Buffer
  assert.is(correlationOf(answer), 41)
  assert.is(decodeResponse(FindCoordinator, 3, answer).errorMessage, 'mine')
  const [asker] = served.host.askers
  assert.is(asker?.clientAddress, '/127.0.0.1')
  assert.is(asker?.clientId, 'a test')
  assert.is(asker?.principal, 'User:ANONYMOUS')
  assert.is(asker?.apiVersion, 3)
  assert.match(asker?.connectionId ?? '', /^127\.0\.0\.1:\d+-127\.0\.0\.1:\d+-0$/)
})

test('a request that waits holds back what follows, and answers keep the order', async ({
  served: { host, client: open },
}) => {
  const client = await open()
  beat(client, 1, 'first')
  find(client, 2, 'second')
  beat(client, 3, 'third')
  await until(() => host.held.length === 1)
  assert.equal(host.begun, ['heartbeat first'])
  host.held.shift()!()
  assert.is(correlationOf(await client.next()), 1)
  assert.is(correlationOf(await client.next()), 2)
  await until(() => host.held.length === 1)
  host.held.shift()!()
  assert.is(correlationOf(await client.next()), 3)
  assert.equal(host.begun, ['heartbeat first', 'find second', 'heartbeat third'])
})

test('produce requests overlap, whoever is done first; answers keep the order', async ({
  served: { host, client: open },
}) => {
  const client = await open()
  produce(client, 1, -1)
  produce(client, 2, -1)
  produce(client, 3, 0)
  find(client, 4)
  await until(() => host.begun.length === 3)
  assert.equal(host.begun, ['produce 1', 'produce 2', 'produce 3'])
  host.held[1]!()
  host.held[0]!()
  assert.is(correlationOf(await client.next()), 1)
  assert.is(correlationOf(await client.next()), 2)
  assert.is(correlationOf(await client.next()), 4, 'acks=0 is not answered')
})

test('a thousand pipelined requests are answered, no more than the bound at a time', async ({
  served: { host, client: open },
}) => {
  const client = await open()
  let openAtOnce = 0
  for (let id = 0; id < 1_000; id++) produce(client, id, -1)
  for (let id = 0; id < 1_000; id++) {
    await until(() => host.held.length > 0)
    openAtOnce = Math.max(openAtOnce, host.held.length)
    host.held.shift()!()
    assert.is(correlationOf(await client.next()), id)
  }
  assert.ok(openAtOnce <= 256)
  assert.ok(openAtOnce > 200)
})

test('what has been answered no longer counts against the bound', async ({
  served: { client: open },
}) => {
  const client = await open()
  const key = 'k'.repeat(30_000)
  for (let id = 0; id < 700; id++) {
    find(client, id, key)
    assert.is(correlationOf(await client.next()), id)
  }
})

test('a client that does not read stops being read', async ({ served: { host, client: open } }) => {
  const client = await open()
  client.socket.pause()
  const asked = 2_000
  for (let id = 0; id < asked; id++) find(client, id, 'big')
  let before = -1
  while (before !== host.begun.length) {
    before = host.begun.length
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.ok(host.begun.length < asked, 'its requests wait in its own socket')
  client.socket.resume()
  for (let id = 0; id < asked; id++) assert.is(correlationOf(await client.next()), id)
})

test('requests that waited behind another are not all answered into memory', async ({
  served: { host, client: open },
}) => {
  const client = await open()
  beat(client, 0)
  const asked = 250
  for (let id = 1; id <= asked; id++) find(client, id, 'big')
  await until(() => host.held.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 200))
  client.socket.pause()
  host.held.shift()!()
  await null
  await null
  await null
  const bytes = host.begun.filter((what) => what.startsWith('find')).length * 30_000
  assert.ok(bytes > 0 && bytes < 5 * 1024 * 1024, `${bytes} bytes in one turn`)
  client.socket.resume()
  for (let id = 0; id <= asked; id++) assert.is(correlationOf(await client.next()), id)
})

test('a refusal and a surprise are answered with an error; the next request is served', async ({
  served: { lines, client: open },
}) => {
  const client = await open()
  find(client, 1, 'refused')
  find(client, 2, 'surprise')
  find(client, 3, 'fine')
  const codes: number[] = []
  for (let id = 1; id <= 3; id++) {
    codes.push(decodeResponse(FindCoordinator, 3, (await client.next()) as Buffer).errorCode)
  }
  assert.equal(codes, [30, -1, 0])
  assert.equal(
    lines.map(({ message }) => message),
    ['request failed unexpectedly'],
  )
})

test('a broken invariant ends the node', async ({ served: { host, halts, client: open } }) => {
  const client = await open()
  const broken = new InvariantError('a test')
  host.heartbeat = () => {
    throw broken
  }
  beat(client, 1)
  await until(() => halts.length > 0)
  assert.equal(halts, [broken])
})

const header = (key: number, version: number) => {
  const bytes = Buffer.alloc(12)
  bytes.writeInt16BE(key, 0)
  bytes.writeInt16BE(version, 2)
  bytes.writeInt16BE(1, 8)
  return bytes.fill('x', 10, 11).subarray(0, 11)
}
const framedBytes = (...parts: Buffer[]) => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(parts.reduce((sum, part) => sum + part.length, 0))
  return Buffer.concat([length, ...parts])
}
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const abuses: [string, Buffer][] = [
  ['a negative length', int32(-1)],
  ['a length above the bound', int32(0x7fff_ffff)],
  ['an empty frame', int32(0)],
  ['an api nobody knows', framedBytes(header(999, 0))],
  ['an api that is not offered', framedBytes(header(3, 4), int32(0))],
  ['a version that is not offered', framedBytes(header(0, 2))],
  ['a negative version', framedBytes(header(12, -3))],
  ['a truncated request', framedBytes(header(12, 0), Buffer.from([0, 9, 65]))],
  ['a huge array', framedBytes(header(0, 3), Buffer.from('ffff0001000003e87fffffff', 'hex'))],
  ['a client id beyond the frame', framedBytes(header(12, 0).fill(0x7f, 8, 10))],
]
for (const [what, bytes] of abuses) {
  test(`${what} closes the connection with one line, and disturbs nobody`, async ({
    served: { lines, halts, client: open, connections },
  }) => {
    const bystander = await open()
    const abuser = await open()
    abuser.raw(Buffer.concat([bytes, bytes]))
    assert.is(await abuser.next(), 'closed')
    await until(() => connections.count() === 1)
    assert.equal(
      lines.map(({ message }) => message),
      ['connection closed: malformed request'],
    )
    assert.equal(halts, [])
    find(bystander, 1)
    assert.is(correlationOf(await bystander.next()), 1)
  })
}

test('ApiVersions tells what the table holds, and features as the version can carry them', async ({
  served,
}) => {
  const client = await served.client()
  const ask = async (version: number, name = 'test', software = '1.0') => {
    client.ask(ApiVersions, version, 1, {
      clientSoftwareName: version < 3 ? '' : name,
      clientSoftwareVersion: version < 3 ? '' : software,
    })
    return decodeResponse(ApiVersions, version, (await client.next()) as Buffer)
  }
  const newest = await ask(4)
  assert.equal(newest.apiKeys, [
    { apiKey: 0, minVersion: 0, maxVersion: 13 },
    { apiKey: 10, minVersion: 0, maxVersion: 6 },
    { apiKey: 12, minVersion: 0, maxVersion: 4 },
    { apiKey: 18, minVersion: 0, maxVersion: 4 },
  ])
  assert.equal(
    newest.supportedFeatures.map(({ name }) => name),
    ['kraft.version', 'metadata.version'],
  )
  assert.is(newest.finalizedFeaturesEpoch, 5)
  assert.equal(
    newest.finalizedFeatures.map(({ name }) => name),
    ['metadata.version'],
  )
  assert.equal(
    (await ask(3)).supportedFeatures.map(({ name }) => name),
    ['metadata.version'],
  )
  assert.is((await ask(0)).errorCode, 0)
  assert.is((await ask(3, '-bad-')).errorCode, 42)
  assert.is((await ask(4, 'fine', '')).errorCode, 42)
  find(client, 2)
  await client.next()
  assert.is(served.host.askers[0]?.clientSoftwareName, 'test')
})

test('ApiVersions in a version of the future is answered in the oldest', async ({ served }) => {
  const client = await served.client()
  for (const version of [99, -1]) {
    client.raw(framedBytes(header(18, version), Buffer.from([0])))
    const answer = decodeResponse(ApiVersions, 0, (await client.next()) as Buffer)
    assert.is(answer.errorCode, 35)
    assert.equal(answer.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 4 }])
  }
})

test('a stopping node answers what it has begun, and closes then', async ({
  served: { host, connections, client: open },
}) => {
  const [busy, idle] = [await open(), await open()]
  beat(busy, 1)
  find(busy, 2)
  await until(() => host.held.length === 1)
  connections.drain()
  assert.is(await idle.next(), 'closed')
  host.held.shift()!()
  assert.is(correlationOf(await busy.next()), 1)
  assert.is(await busy.next(), 'closed')
  assert.is(connections.count(), 0)
})

test('a client that hangs up leaves nothing behind', async ({
  served: { host, listener, connections, client: open },
}) => {
  const client = await open()
  find(client, 1)
  await client.next()
  const waiting = ['for this', 'for that']
  for (const what of [...waiting]) {
    host.askers[0]!.departure!.whenOver(() => waiting.splice(waiting.indexOf(what), 1))
  }
  host.askers[0]!.departure!.whenOver(() => waiting.push('in vain'))()
  beat(client, 1)
  await until(() => host.held.length === 1)
  client.socket.destroy()
  await until(() => connections.count() === 0 && listener.connections() === 0)
  assert.equal(waiting, [], 'who waited for this client was told')
  host.held.shift()!()
})

test('more connections than allowed are closed, with one line for all of them', async ({
  served: { limits, lines, client: open, listener },
}) => {
  limits.connectionsMax = 2
  const kept = [await open(), await open()]
  for (let more = 0; more < 5; more++) assert.is(await (await open()).next(), 'closed')
  assert.is(lines.length, 1)
  kept[0]!.socket.destroy()
  await until(() => listener.connections() === 1)
  const next = await open()
  find(next, 1)
  assert.is(correlationOf(await next.next()), 1)
})

test('more connections of one address than allowed are closed', async ({ served }) => {
  served.limits.connectionsPerIpMax = () => 1
  const kept = await served.client()
  assert.is(await (await served.client()).next(), 'closed')
  find(kept, 1)
  assert.is(correlationOf(await kept.next()), 1)
})

test('a port in use is said in one line', async () => {
  const { tcpListener } = await import('../../transport/tcp/listener.ts')
  const { clock } = await import('./support.ts')
  const taken = await serve()
  const limits = () => taken.limits
  const log = { warn: () => {} }
  const second = tcpListener({ host: '127.0.0.1', port: taken.port, clock, limits, log }, () => {
    throw new Error('nobody can connect')
  })
  await second.listen().then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, `127.0.0.1:${taken.port} is in use`),
  )
  await second.close()
  await taken.close()
})

test('an idle connection is closed', async () => {
  const served = await serve({ idleMs: 60 })
  assert.is(await (await served.client()).next(), 'closed')
  await until(() => served.listener.connections() === 0)
  await served.close()
})

test.run()
