/**
 * The production link over NATS on a simulated server: its prefixes, parts, credit and staleness are
 * those of real clusters, and only the server and the sockets to it are made up. It keeps the order
 * of what one connection publishes, as NATS does, unless a message is lost, late or repeated.
 *
 * A server that goes away is noticed late, and what was published until then leaves with the
 * reconnect, however old it is by then. What is handed to a handler is for it, and not too old (N2, N3).
 */
import { type Endpoint, type Lane, type Link, nothingDropped } from '../../transport/links/link.ts'
import { natsLink } from '../../transport/links/nats.ts'
import type {
  Connection,
  ConnectionState,
  NatsMessage,
} from '../../transport/links/nats-connection.ts'
import { kinds, type Prefix, prefixBytes, readPrefix } from '../../transport/links/prefix.ts'
import { crc32c } from '../../transport/records/crc32c.ts'
import { createGone } from './gone.ts'
import type { LinkOptions, SimNetwork } from './network.ts'
import type { SeededRandom } from './random.ts'
import type { Machine, Scheduler } from './scheduler.ts'
import { type Connected, createServers, notConnected } from './servers.ts'
import type { Trace } from './trace.ts'
import { must } from './violation.ts'
import { createWays, delayOf, networkDefaults, queueMsMax, strikes } from './ways.ts'

type Publication = {
  from: Peer
  subject: string
  payload: Buffer
  reply: string
  prefix: Prefix
  what: string
  at: number
}

/** How long a message took: truly, and as the clocks of its sender and its receiver have it. */
type Took = { trueMs: number; toldMs: number }

type Peer = Connected & {
  incarnationId: string
  machine: Machine
  state: ConnectionState
  subscriptions: { subject: string; deliver: (message: NatsMessage) => void }[]
  /** As its client sees it. */
  isUp: boolean
  isClosed: boolean
  lane: Lane
  /** Not sent yet: the server went, and the client has not noticed. */
  unsent: Publication[]
  /** When the last of what it published arrives. */
  lastAt: number
  opened: (() => void) | undefined
}

/** Deadlines are told from the quickest message of a while, and the clocks of two machines. */
const lateMs = 200
const whileMs = 60_000
/** What took no longer shows how far two clocks are apart. */
const promptMs = 100

const matches = (pattern: string, subject: string): boolean =>
  pattern.endsWith('.*')
    ? subject.startsWith(pattern.slice(0, -1)) && !subject.includes('.', pattern.length - 1)
    : pattern === subject

export function createNatsNetwork(
  maxPayload: number,
  scheduler: Scheduler,
  random: SeededRandom,
  trace: Trace,
): SimNetwork {
  const peers = new Set<Peer>()
  const links = new Map<number, Link>()
  /** Incarnations of sender and receiver → what their quickest request of a while took. */
  const quickest = new Map<string, Took & { at: number }>()
  /** The same → what the last message took that showed how far their clocks are apart, as they told. */
  const prompt = new Map<string, number>()
  const ways = createWays(scheduler.now)
  const gone = createGone(scheduler.now)
  const between = createServers({
    scheduler,
    random,
    network: () => network,
    everybody: () => peers,
    disconnect,
    enterLater,
  })
  /** Where an answer goes → what was asked. */
  const asked = new Map<string, string>()
  let carried = 0
  /** What is being handed over. */
  let current: { peer: Peer; publication: Publication } | undefined

  function whatIsIt(subject: string, reply: string, { kind }: Prefix): string {
    if (kind === kinds.credit) return 'credit'
    if (kind !== kinds.request) return `${asked.get(subject) ?? 'unknown'} answer`
    const name = subject.split('.').slice(4)
    if (name[0] === 'bulk') name.shift()
    const what = name[0] === 'alive' ? 'probe' : name.join('.')
    asked.set(reply, what)
    return what
  }

  const delay = () => delayOf(network, random)

  function send(publication: Publication): void {
    const { from, subject, payload, what } = publication
    const to = Number(subject.split('.')[3])
    const told = { id: ++carried, from: from.nodeId, to, api: what, bytes: payload.length }
    const lost = (why: string) => trace.detail?.('message', { event: 'lost', ...told, why })
    trace.detail?.('message', { event: 'sent', ...told })
    const arrive = () => {
      if (between.areDown()) return lost('server')
      if (network.isCut(from.nodeId, to)) return lost('cut')
      const heard = [...peers].flatMap((peer) =>
        between.hears(peer, from)
          ? peer.subscriptions
              .filter((each) => matches(each.subject, subject))
              .map(({ deliver }) => ({ peer, deliver }))
          : [],
      )
      trace.mix('nats', from.nodeId, to, what, crc32c(payload, 0, payload.length))
      trace.detail?.('message', { event: 'arrived', ...told })
      for (const { peer, deliver } of heard) {
        const { losses } = peer
        peer.machine.whenAwake(() => {
          if (peer.losses === losses) hand(deliver, peer, publication)
        })
      }
      if (what === 'probe') {
        const { incarnationId } = publication.prefix
        if (heard.length === 0) gone.refused(from.nodeId, incarnationId!)
        else gone.heard(from.nodeId, incarnationId!)
      }
      if (heard.length === 0 && publication.reply !== '') noResponders(publication)
    }
    const once = () => {
      const queueMs = network.queueMs(from.nodeId, to, from.lane, payload.length)
      if (queueMs > queueMsMax) return lost('queue')
      const late = queueMs + delay()
      // Beside what stalls, one overtakes another only where it was repeated.
      const at = late > 100 ? scheduler.now() + late : Math.max(from.lastAt, scheduler.now() + late)
      if (late <= 100) from.lastAt = at
      scheduler.after(at - scheduler.now(), arrive)
    }
    const { intercept } = network
    if (
      intercept?.({
        from: from.nodeId,
        to,
        what,
        bytes: payload.subarray(prefixBytes),
        deliver: once,
        alter(bytes) {
          publication.payload = Buffer.concat([payload.subarray(0, prefixBytes), bytes])
        },
      })
    ) {
      trace.detail?.('message', { event: 'held', ...told })
      return
    }
    if (strikes('loss', network, random)) return void lost('chance')
    once()
    if (strikes('repeat', network, random)) scheduler.after(delay(), arrive)
  }

  function hand(deliver: (message: NatsMessage) => void, peer: Peer, of: Publication): void {
    if (peer.isClosed) return
    const { subject, payload: data, reply } = of
    noteQuickest(peer, of)
    notePrompt(peer, of)
    gone.heard(peer.nodeId, of.prefix.from.incarnationId)
    current = { peer, publication: of }
    deliver({ subject, data, reply, noResponders: false })
    current = undefined
  }

  const tookFor = ({ machine }: Peer, { at, prefix }: Publication): Took => ({
    trueMs: scheduler.now() - at,
    toldMs: machine.monotonic() - prefix.sentAt,
  })

  /** Who never heard of a sender cannot tell how old its messages are, only which is the younger. */
  function noteQuickest(peer: Peer, of: Publication): void {
    const { kind, from, incarnationId } = of.prefix
    if (kind !== kinds.request) return
    if (incarnationId !== null && incarnationId !== peer.incarnationId) return
    const pair = `${from.incarnationId} ${peer.incarnationId}`
    const took = tookFor(peer, of)
    const known = quickest.get(pair)
    const now = scheduler.now()
    if (known === undefined || known.at < now - whileMs || took.toldMs <= known.toldMs) {
      quickest.set(pair, { ...took, at: now })
    }
  }

  function notePrompt(peer: Peer, of: Publication): void {
    const { trueMs, toldMs } = tookFor(peer, of)
    const { incarnationId } = of.prefix.from
    if (trueMs <= promptMs) prompt.set(`${incarnationId} ${peer.incarnationId}`, toldMs)
  }

  function noResponders({ from, reply }: Publication): void {
    scheduler.after(delay(), () => {
      if (!from.isConnected) return
      const message = { subject: reply, data: Buffer.alloc(0), reply: '', noResponders: true }
      from.machine.whenAwake(() => {
        if (from.isClosed) return
        for (const { subject, deliver } of from.subscriptions) {
          if (matches(subject, reply)) deliver(message)
        }
      })
    })
  }

  function setUp(peer: Peer, up: boolean): void {
    if (peer.isUp === up) return
    peer.isUp = up
    peer.state.onChange(up)
  }

  function enter(peer: Peer): void {
    if (peer.isClosed || peer.isConnected || between.areDown()) return
    between.enter(peer)
    setUp(peer, false)
    for (const publication of peer.unsent.splice(0)) send(publication)
    peer.machine.setTimeout(() => {
      if (peer.isClosed || !peer.isConnected) return
      setUp(peer, true)
      peer.opened?.()
    }, 0)
  }

  function enterLater(peer: Peer): void {
    scheduler.after(network.reconnectMs(peer.nodeId), () => enter(peer))
  }

  function disconnect(peer: Peer, noticeMsMax: number): void {
    const noticeMs = noticeMsMax === 0 ? 0 : random.between(0, noticeMsMax)
    peer.isConnected = false
    peer.losses++
    gone.forget(peer.nodeId)
    peer.machine.setTimeout(() => {
      if (peer.isConnected) return
      setUp(peer, false)
      enterLater(peer)
    }, noticeMs)
  }

  function connectionOf(self: Endpoint, machine: Machine, state: ConnectionState): Connection {
    const peer: Peer = {
      ...self,
      machine,
      state,
      lane: state.name.endsWith(' bulk') ? 'bulk' : 'control',
      ...notConnected,
      subscriptions: [],
      isUp: false,
      isClosed: false,
      unsent: [],
      lastAt: 0,
      opened: undefined,
    }
    return {
      subscribe: (subject, deliver) => void peer.subscriptions.push({ subject, deliver }),
      connect: () =>
        new Promise<void>((resolve) => {
          peers.add(peer)
          peer.opened = resolve
          scheduler.after(delay(), () => enter(peer))
        }),
      publish(subject, payload, reply = '') {
        if (!peer.isUp) return false
        if (payload.length > maxPayload) {
          state.onTrouble(`${subject}: ${payload.length} bytes, more than ${maxPayload}`)
          return false
        }
        const prefix = readPrefix(payload)!
        const what = whatIsIt(subject, reply, prefix)
        const publication: Publication = {
          from: peer,
          subject,
          payload: Buffer.from(payload),
          reply,
          prefix,
          what,
          at: scheduler.now(),
        }
        if (peer.isConnected) send(publication)
        else peer.unsent.push(publication)
        return true
      },
      maxPayload: () => maxPayload,
      isUp: () => peer.isUp,
      async close() {
        peer.isClosed = true
        peers.delete(peer)
        setUp(peer, false)
      },
    }
  }

  function checkHandedOver(self: Endpoint, api: string): void {
    if (current === undefined) return
    const { peer, publication } = current
    const { from, incarnationId, timeoutMs } = publication.prefix
    const took = tookFor(peer, publication)
    const pair = `${from.incarnationId} ${self.incarnationId}`
    const least = quickest.get(pair)!
    // A deadline runs by its sender's clock; answers tell what that shows by now, however it drifts.
    const senderMs = publication.from.machine.monotonic() - publication.prefix.sentAt
    // How far they drifted since the last that came at once, nobody can tell.
    const lastKnownMs = took.toldMs - (prompt.get(pair) ?? least.toldMs)
    // Clocks may have drifted apart: what neither they nor true time call young is not.
    const [trueMs, toldMs] = [took.trueMs - least.trueMs, took.toldMs - least.toldMs]
    const overMs = Math.min(trueMs, toldMs, senderMs, lastKnownMs) - timeoutMs
    const told = () => ({
      node: self.nodeId,
      api,
      for: incarnationId,
      self,
      took,
      senderMs,
      lastKnownMs,
      least,
      timeoutMs,
    })
    try {
      must(
        incarnationId === null || incarnationId === self.incarnationId,
        'N2',
        'what is for another incarnation is dropped',
        told,
      )
      must(overMs <= lateMs, 'N3', 'what is older than its deadline is dropped', told)
    } catch (why) {
      network.onViolation(why)
    }
  }

  function link({ clusterId, self, machine, onHandlerError }: LinkOptions): Link {
    const made = natsLink({
      clusterId,
      self,
      clock: machine,
      nats: (state) => connectionOf(self, machine, state),
      onHandlerError,
    })
    links.set(self.nodeId, made)
    return {
      ...made,
      serve(api, handler) {
        made.serve(api, (message, from) => {
          checkHandedOver(self, api)
          network.onDelivery(from, self.nodeId, api, message.length)
          const told = (chunks: Buffer[]): Buffer[] => {
            network.onAnswer(self, from, api, message, Buffer.concat(chunks))
            return chunks
          }
          const answer = handler(message, from)
          return answer instanceof Promise ? answer.then(told) : told(answer)
        })
      },
    }
  }

  const network: SimNetwork = {
    ...ways,
    gone,
    ...networkDefaults(random),
    ...between.faults,
    link,
    dropped: (nodeId) => links.get(nodeId)?.dropped ?? nothingDropped(),
  }
  return network
}
