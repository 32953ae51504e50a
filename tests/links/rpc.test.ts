/** Kafka's RPCs over a link: encoded as clients see them, refused when the version is not served. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LinkError } from '../../transport/links/link.ts'
import { memoryNetwork } from '../../transport/links/memory.ts'
import { call, serveApi } from '../../transport/links/rpc.ts'
import { api, type Response } from '../../transport/protocol/api.ts'
import { array, bytes, int32, since, string, tagged } from '../../transport/protocol/schema.ts'
import { realClock } from './clock.ts'

const Greet = api(
  { key: 900, name: 'Greet', versions: [0, 2], flexible: 1, listeners: ['broker'] },
  { name: string, times: since(1, int32, 1) },
  { greeting: string },
)
const Carry = api(
  { key: 901, name: 'Carry', versions: [0, 1], flexible: 1, listeners: ['broker'] },
  { count: int32 },
  {
    before: string,
    loads: array({ name: string, load: bytes, after: int32 }),
    aside: since(1, tagged(0, bytes), Buffer.alloc(0)),
  },
)
const options = { timeoutMs: 1_000, lane: 'control' } as const

let carried: Response<typeof Carry> = { before: '', loads: [], aside: Buffer.alloc(0) }

async function twoNodes(versions: readonly [number, number]) {
  const network = memoryNetwork({ clock: realClock })
  const failures: string[] = []
  const node = (nodeId: number) =>
    network.link({
      clusterId: 'c',
      self: { nodeId, incarnationId: `incarnation-${nodeId}` },
      onHandlerError: (name, error) => failures.push(`${name}: ${(error as Error).message}`),
    })
  const [asker, asked] = [node(1), node(2)]
  serveApi(asked, Greet, versions, ({ name, times }, { version, from }) => ({
    greeting: `${'hello '.repeat(times)}${name} from ${from.nodeId} in v${version}`,
  }))
  serveApi(asked, Carry, [0, 1], () => carried)
  await asker.connect()
  await asked.connect()
  return { asker, asked: 2, failures }
}

test('a request is answered in the version it was asked in', async () => {
  const { asker } = await twoNodes([0, 2])
  const request = { name: 'Gregor', times: 2 }
  assert.equal(await call(asker, Greet, 2, 2, request, options), {
    greeting: 'hello hello Gregor from 1 in v2',
  })
  assert.equal(await call(asker, Greet, 0, 2, { name: 'Grete', times: 1 }, options), {
    greeting: 'hello Grete from 1 in v0',
  })
})

test('a version that is not served is refused', async () => {
  const { asker, failures } = await twoNodes([0, 1])
  const refused = call(asker, Greet, 2, 2, { name: 'Gregor', times: 1 }, options)
  await refused.then(
    () => assert.unreachable(),
    (error) => {
      assert.instance(error, LinkError)
      assert.is(error.failure, 'refused')
    },
  )
  assert.equal(failures, ['Greet: Greet v2 is not served'])
})

test('in memory large byte fields arrive as the Buffers that were sent, whatever stands around them', async () => {
  const { asker, asked } = await twoNodes([0, 2])
  const sizes = [0, 10, 4095, 4096, 70_000, 1_000_000]
  const loads = [...sizes, ...sizes].map((size, after) => ({
    name: 'n'.repeat(after * 1_000),
    load: Buffer.alloc(size, after),
    after,
  }))
  const aside = Buffer.alloc(9_000, 7)
  for (const version of [0, 1]) {
    const sent = { before: 'b', loads, aside: version === 0 ? Buffer.alloc(0) : aside }
    carried = sent
    const got = await call(asker, Carry, version, asked, { count: 1 }, options)
    assert.equal(got, sent)
    got.loads.forEach(({ load }, index) => {
      if (load.length >= 4096) assert.is(load, loads[index]!.load)
    })
  }
})

test('bytes that are no request are refused', async () => {
  const { asker, failures } = await twoNodes([0, 2])
  for (const bytes of ['', '0001', '000001', '0000000547726567']) {
    await asker.request(2, 'Greet', [Buffer.from(bytes, 'hex')], options).then(
      () => assert.unreachable(),
      (error) => assert.is(error.failure, 'refused'),
    )
  }
  assert.is(failures.length, 4)
})

test.run()
