/** What every link promises, held against both: in memory and over a NATS server. */
import { randomBytes } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Link, LinkError, type RequestOptions } from '../../transport/links/link.ts'
import { memoryNetwork } from '../../transport/links/memory.ts'
import { natsLink } from '../../transport/links/nats.ts'
import { realClock } from './clock.ts'
import { hasNatsServer, type NatsServer, natsServer } from './nats-server.ts'
import { until, within } from './patience.ts'

const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
const mebibyte = 1024 * 1024
const soon: RequestOptions = { timeoutMs: 5_000, lane: 'control' }
const bulk: RequestOptions = { timeoutMs: 20_000, lane: 'bulk' }

/** Makes links of one network; those it made are closed after each scenario. */
type Network = { link(nodeId: number, incarnationId?: string): Link; failures: unknown[] }

const uuid = () => randomBytes(16).toString('base64url')
const text = (words: string) => [Buffer.from(words)]

const connected = (link: Link) => within('a link connects', link.connect())

async function failure(request: Promise<unknown>): Promise<string> {
  try {
    await request
    return 'none'
  } catch (error) {
    return error instanceof LinkError ? error.failure : String(error)
  }
}

function promises(test: ReturnType<typeof suite>, network: () => Network): void {
  const serving = async (
    nodeId: number,
    handlers: Record<string, Parameters<Link['serve']>[1]>,
  ) => {
    const link = network().link(nodeId)
    for (const [api, handler] of Object.entries(handlers)) link.serve(api, handler)
    await connected(link)
    return link
  }
  const echo = { Echo: (message: Buffer) => [message] }

  test('a request is answered, and its handler learns who asks', async () => {
    const asked = await serving(1, {
      Who: (message, from) => text(`${message} from ${from.nodeId} ${from.incarnationId}`),
    })
    const asker = await serving(2, {})
    const answer = await asker.request(1, 'Who', text('hello'), soon)
    assert.is(String(answer), `hello from 2 ${asker.self.incarnationId}`)
    assert.type(asked.lastHeard(asker.self), 'number')
    assert.type(asker.lastHeard(asked.self), 'number')
    assert.is(asked.lastHeard({ nodeId: 2, incarnationId: uuid() }), undefined)
  })

  test('chunks of a request arrive joined, those of an answer in order', async () => {
    await serving(1, { Echo: (message) => [message, ...text('!'), Buffer.alloc(0)] })
    const asker = await serving(2, {})
    const answer = await asker.request(1, 'Echo', [...text('a'), ...text('b')], soon)
    assert.is(String(Buffer.concat(answer)), 'ab!')
  })

  test('an answer does not wait for those asked before it', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await serving(1, {
      ...echo,
      Held: async (message) => {
        await held
        return [message]
      },
    })
    const asker = await serving(2, {})
    const first = asker.request(1, 'Held', text('first'), soon)
    assert.is(String(await asker.request(1, 'Echo', text('second'), soon)), 'second')
    release()
    assert.is(String(await first), 'first')
  })

  test('nothing is delivered in the turn that sends it', async () => {
    let called = false
    await serving(1, {
      Touch: () => {
        called = true
        return []
      },
    })
    const asker = await serving(2, {})
    const request = asker.request(1, 'Touch', text(''), soon)
    assert.is(called, false)
    await request
    assert.is(called, true)
  })

  test('what is not answered by its deadline is a timeout, and a late answer is dropped', async () => {
    let release = () => {}
    await serving(1, {
      Silent: () =>
        new Promise((resolve) => {
          release = () => resolve(text('too late'))
        }),
      ...echo,
    })
    const asker = await serving(2, {})
    assert.is(
      await failure(asker.request(1, 'Silent', text(''), { ...soon, timeoutMs: 30 })),
      'timeout',
    )
    release()
    await until(() => asker.dropped.unasked === 1)
  })

  test('a handler that fails is refused, and the next request is served', async () => {
    await serving(1, {
      ...echo,
      Throws: () => {
        throw new Error('sync')
      },
      Rejects: async () => {
        throw new Error('async')
      },
    })
    const asker = await serving(2, {})
    assert.is(await failure(asker.request(1, 'Throws', text(''), soon)), 'refused')
    assert.is(await failure(asker.request(1, 'Rejects', text(''), soon)), 'refused')
    assert.is(String(await asker.request(1, 'Echo', text('fine'), soon)), 'fine')
    assert.is(network().failures.length, 2)
  })

  test('nobody there is told at once', async () => {
    const asker = await serving(2, {})
    assert.is(await failure(asker.request(7, 'Echo', text(''), bulk)), 'noResponders')
  })

  test('a node that closed is gone at once, for requests and probes', async () => {
    const asked = await serving(1, echo)
    const asker = await serving(2, {})
    assert.is(await asker.probe(asked.self, 5_000), 'alive')
    await asked.close()
    await until(async () => (await asker.probe(asked.self, 5_000)) === 'noResponders')
    assert.is(await failure(asker.request(1, 'Echo', text(''), soon)), 'noResponders')
  })

  test('a probe tells one incarnation from the next', async () => {
    const before = await serving(1, echo)
    const asker = await serving(2, {})
    await before.close()
    const after = await serving(1, echo)
    await until(async () => (await asker.probe(after.self, 5_000)) === 'alive')
    await until(async () => (await asker.probe(before.self, 5_000)) === 'noResponders')
  })

  test('a request for an earlier incarnation reaches no handler', async () => {
    let calls = 0
    const asked = await serving(1, {
      Count: () => {
        calls++
        return []
      },
    })
    const asker = await serving(2, {})
    const other = { ...soon, incarnationId: uuid() }
    assert.is(await failure(asker.request(1, 'Count', text(''), other)), 'noResponders')
    assert.is(calls, 0)
    assert.is(asked.dropped.otherIncarnation, 1)
    const right = { ...soon, incarnationId: asked.self.incarnationId }
    assert.is(await failure(asker.request(1, 'Count', text(''), right)), 'none')
    assert.is(calls, 1)
  })

  test('twenty mebibytes go there and back', async () => {
    await serving(1, echo)
    const asker = await serving(2, {})
    const big = randomBytes(20 * 1024 * 1024)
    const answers = await Promise.all([
      asker.request(1, 'Echo', [big.subarray(0, 5), big.subarray(5)], bulk),
      asker.request(1, 'Echo', [big.subarray(1_000_000)], bulk),
      asker.request(1, 'Echo', text('small'), soon),
    ])
    assert.ok(Buffer.concat(answers[0]).equals(big))
    assert.ok(Buffer.concat(answers[1]).equals(big.subarray(1_000_000)))
    assert.is(String(answers[2]), 'small')
  })

  test('bytes in flight to one peer are bounded, and each request alone passes', async () => {
    let release = () => {}
    const held = new Promise<Buffer[]>((resolve) => {
      release = () => resolve([])
    })
    await serving(1, { Held: () => held })
    const asker = await serving(2, {})
    const half = [Buffer.alloc(60 * 1024 * 1024)]
    const first = asker.request(1, 'Held', half, bulk)
    assert.is(await failure(asker.request(1, 'Held', half, bulk)), 'overloaded')
    release()
    await first
    assert.is(await failure(asker.request(1, 'Held', half, bulk)), 'none')
  })

  test('closing ends what is open, and nothing can be asked afterwards', async () => {
    await serving(1, { Silent: () => new Promise(() => {}) })
    const asker = await serving(2, {})
    const open = failure(asker.request(1, 'Silent', text(''), soon))
    const changes: boolean[] = []
    asker.onChange((up) => changes.push(up))
    await asker.close()
    assert.is(await open, 'closed')
    assert.is(await failure(asker.request(1, 'Silent', text(''), soon)), 'closed')
    assert.equal(changes, [false])
    assert.is(asker.isUp(), false)
    assert.is(await asker.probe({ nodeId: 1, incarnationId: uuid() }, 50), 'unknown')
  })

  test('a node asks itself', async () => {
    const alone = await serving(1, echo)
    assert.is(String(await alone.request(1, 'Echo', text('me'), soon)), 'me')
    const other = { ...soon, incarnationId: uuid() }
    assert.is(await failure(alone.request(1, 'Echo', text(''), other)), 'noResponders')
  })

  test('a link that is not connected refuses', async () => {
    const early = network().link(3)
    assert.is(await failure(early.request(1, 'Echo', text(''), soon)), 'disconnected')
    assert.is(early.isUp(), false)
  })
}

function memorySuite(): () => void {
  const test = suite('the link in memory')
  let links: Link[] = []
  let net = memoryNetwork({ clock: realClock, inFlightBytesMax: 64 * 1024 * 1024 })
  const failures: unknown[] = []
  const network: Network = {
    failures,
    link(nodeId, incarnationId = uuid()) {
      const link = net.link({
        clusterId,
        self: { nodeId, incarnationId },
        onHandlerError: (_, error) => failures.push(error),
      })
      links.push(link)
      return link
    },
  }
  test.before.each(() => {
    failures.length = 0
    net = memoryNetwork({ clock: realClock, inFlightBytesMax: 64 * 1024 * 1024 })
  })
  test.after.each(async () => {
    for (const link of links) await link.close()
    links = []
  })
  promises(test, () => network)

  const pair = async () => {
    const [a, b] = [network.link(1), network.link(2)]
    for (const link of [a, b]) {
      link.serve('Echo', (message) => [message])
      await connected(link)
    }
    return [a, b] as const
  }

  test('Buffers are handed over as they are', async () => {
    const [a] = await pair()
    const message = Buffer.from('the same bytes')
    const [answer] = await a.request(2, 'Echo', [message], soon)
    assert.is(answer, message)
  })

  test('a cut network is silent both ways until it heals', async () => {
    const [a, b] = await pair()
    net.partition([[1], [2, 3]])
    const short = { ...soon, timeoutMs: 20 }
    assert.is(await failure(a.request(2, 'Echo', text(''), short)), 'timeout')
    assert.is(await failure(b.request(1, 'Echo', text(''), short)), 'timeout')
    assert.is(await a.probe(b.self, 20), 'silent')
    net.heal()
    assert.is(await failure(a.request(2, 'Echo', text(''), short)), 'none')
    assert.is(await a.probe(b.self, 20), 'alive')
  })

  test('an answer that meets a cut is lost', async () => {
    const a = network.link(1)
    const b = network.link(2)
    b.serve('Cut', () => {
      net.partition([[1], [2]])
      return text('lost')
    })
    await connected(a)
    await connected(b)
    assert.is(await failure(a.request(2, 'Cut', text(''), { ...soon, timeoutMs: 20 })), 'timeout')
  })

  test('who waits for a node that goes away need not wait for its deadline', async () => {
    const [a, b] = [network.link(1), network.link(2)]
    let asked = false
    b.serve('Silent', () => {
      asked = true
      return new Promise(() => {})
    })
    await connected(a)
    await connected(b)
    const open = failure(a.request(2, 'Silent', text(''), { ...soon, timeoutMs: 3_600_000 }))
    await until(() => asked)
    await b.close()
    assert.is(await open, 'timeout')
  })

  test('two nodes that answer each other without rest leave the loop its turns', async () => {
    const [a] = await pair()
    let running = true
    const chat = (async () => {
      while (running) await a.request(2, 'Echo', text(''), soon)
    })()
    await new Promise((resolve) => setTimeout(resolve, 1))
    running = false
    await chat
  })
  return test.run
}

/** The small limit shows that all is split; what servers do is shown once. */
function natsSuite(maxPayload: number): () => void {
  const test = suite(`the link over NATS, payloads up to ${maxPayload}`)
  let server: NatsServer
  let links: Link[] = []
  const failures: unknown[] = []
  const network: Network = {
    failures,
    link(nodeId, incarnationId = uuid()) {
      const link = natsLink({
        clusterId,
        self: { nodeId, incarnationId },
        clock: realClock,
        nats: { servers: [server.url] },
        onHandlerError: (_, error) => failures.push(error),
      })
      links.push(link)
      return link
    },
  }
  test.before(async () => {
    server = await natsServer(maxPayload)
  })
  test.after(() => server.stop())
  test.before.each(async () => {
    failures.length = 0
    await server.start() // it may have been left killed or paused by a scenario that failed
  })
  test.after.each(async () => {
    for (const link of links) await within('a link closes', link.close())
    links = []
  })
  promises(test, () => network)
  if (maxPayload < mebibyte) return test.run

  const pair = async () => {
    const received: string[] = []
    const [a, b] = [network.link(1), network.link(2)]
    b.serve('Note', (message) => {
      received.push(String(message))
      return [message]
    })
    await connected(a)
    await connected(b)
    return { a, b, received }
  }

  test('a server that dies takes what is open with it; its successor is found, and nothing stale comes', async () => {
    const { a, b, received } = await pair()
    const changes: boolean[] = []
    a.onChange((up) => changes.push(up))
    assert.is(await failure(a.request(2, 'Note', text('before'), soon)), 'none')
    await server.kill()
    await until(() => !a.isUp() && !b.isUp())
    // Each lane notices for itself: what it took before that ends as a timeout, and is gone, too.
    for (const lane of [soon, bulk]) {
      const meanwhile = () => failure(a.request(2, 'Note', text('meanwhile'), lane))
      await until(async () => (await meanwhile()) === 'disconnected')
    }
    assert.is(await a.probe(b.self, 50), 'unknown')
    await server.start()
    await until(() => a.isUp() && b.isUp())
    assert.is(await failure(a.request(2, 'Note', text('after'), soon)), 'none')
    assert.equal(received, ['before', 'after'])
    assert.equal(changes, [false, true])
  })

  test('a request under way when the server dies ends as a timeout, at once', async () => {
    const a = network.link(1)
    const b = network.link(2)
    let asked = false
    b.serve('Silent', () => {
      asked = true
      return new Promise(() => {})
    })
    await connected(a)
    await connected(b)
    const open = failure(a.request(2, 'Silent', text(''), { ...soon, timeoutMs: 3_600_000 }))
    await until(() => asked)
    await server.kill()
    assert.is(await open, 'timeout')
    await server.start()
  })

  test('what a stopped server delivers after its deadline reaches no handler', async () => {
    const { a, b, received } = await pair()
    // The quickest message tells how far apart the clocks are: one has to be quick.
    await until(async () => {
      const askedAt = performance.now()
      await a.request(2, 'Note', text('in time'), soon)
      return performance.now() - askedAt < 50
    })
    await server.pause()
    const late = failure(a.request(2, 'Note', text('too late'), { ...soon, timeoutMs: 100 }))
    assert.is(await late, 'timeout')
    await new Promise((resolve) => setTimeout(resolve, 300))
    server.resume()
    await until(() => b.dropped.stale === 1)
    assert.not.ok(received.includes('too late'))
  })

  test('a server that stops answering is noticed within seconds', async () => {
    const { a } = await pair()
    await server.pause()
    await until(() => !a.isUp())
    server.resume()
    await until(() => a.isUp())
  })

  test('nodes may start before their server', async () => {
    await server.kill()
    const a = network.link(1)
    const connecting = connected(a)
    await server.start()
    await connecting
    assert.is(a.isUp(), true)
  })

  test('a link may be closed while it still looks for its server', async () => {
    await server.kill()
    const a = network.link(1)
    const connecting = failure(connected(a))
    await new Promise((resolve) => setTimeout(resolve, 50))
    await a.close()
    assert.is(await connecting, 'closed')
    await server.start()
  })

  test('a vote overtakes a bulk transfer', async () => {
    const a = network.link(1)
    const b = network.link(2)
    const order: string[] = []
    b.serve('Fetch', () => [Buffer.alloc(30 * 1024 * 1024)])
    b.serve('Vote', () => [])
    await connected(a)
    await connected(b)
    const fetch = a.request(2, 'Fetch', text(''), bulk).then(() => order.push('Fetch'))
    await a.request(2, 'Vote', text(''), soon).then(() => order.push('Vote'))
    await fetch
    assert.equal(order, ['Vote', 'Fetch'])
  })

  test('noise on its subjects is dropped and counted', async () => {
    const { a, b } = await pair()
    const { connect } = await import('nats')
    const stranger = await connect({ servers: server.url })
    stranger.publish(`samsa.${clusterId}.node.2.Note`, Buffer.from('nonsense'))
    stranger.publish(`samsa.${clusterId}.node.2.Note`, randomBytes(200))
    stranger.publish(
      `samsa.${clusterId}.node.2.answers.${b.self.incarnationId}.control.zz`,
      Buffer.alloc(0),
    )
    await stranger.drain()
    await until(() => b.dropped.malformed === 3)
    assert.is(await failure(a.request(2, 'Note', text('fine'), soon)), 'none')
  })
  return test.run
}

memorySuite()()
if (hasNatsServer()) {
  natsSuite(mebibyte)()
  natsSuite(64 * 1024)()
}
