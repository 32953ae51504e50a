/**
 * The links of a simulated cluster: what is sent may be lost, late, repeated, out of order or cut
 * off, one way or both; and the server in between may go away. Requests and answers fare apart.
 *
 * A message must be on arrival what it was when it was sent (S12).
 */
import { heardTimes } from '../../transport/links/heard.ts'
import {
  type Dropped,
  type Endpoint,
  type Lane,
  type Link,
  LinkError,
  type LinkHandler,
  nothingDropped,
  type ProbeVerdict,
  type RequestOptions,
} from '../../transport/links/link.ts'
import { type OpenRequests, openRequests } from '../../transport/links/open-requests.ts'
import { createGone, type Gone } from './gone.ts'
import type { SeededRandom } from './random.ts'
import type { Machine, Scheduler } from './scheduler.ts'
import { joined, type Sent, seal } from './sent.ts'
import { type Connected, createServers, notConnected } from './servers.ts'
import type { Trace } from './trace.ts'
import {
  createWays,
  delayOf,
  type MessageFault,
  type NetworkFaults,
  networkDefaults,
  queueMsMax,
  strikes,
  type Ways,
} from './ways.ts'

export type SimNetwork = Ways & {
  readonly gone: Gone
  faults: NetworkFaults
  /** Messages that chance lost, repeated or stalled. */
  readonly struck: Record<MessageFault, number>
  link(options: LinkOptions): Link
  /** What the link of a node that runs did not hand on. */
  dropped(nodeId: number): Readonly<Dropped>
  /** All servers go: links are down, and what is on its way is lost. */
  serverDown(): void
  serverUp(): void
  /** One of the servers goes: who was there comes back at another. */
  loseServer(index: number): void
  restoreServer(index: number): void
  /** What is sent at one server is heard at no other. */
  split(isSplit: boolean): void
  /** The server ends its connections, with what waits for it there. */
  expel(nodeId: number): void
  /** Sees what arrives; throws where a rule is broken. */
  onDelivery: (from: Endpoint, to: number, api: string, bytes: number) => void
  /** Asked before chance is: true, when it takes the message, to deliver it when it likes, or never. */
  intercept: ((message: Message) => boolean) | undefined
  /** How long a node takes to come back to a server that came back, ms. */
  reconnectMs: (nodeId: number) => number
  /** Since then, at most: until the server knows what it is subscribed to, ms. */
  gapMsMax: number
  /** Sees each answer as it leaves, with the request that it answers. */
  onAnswer: (asked: Endpoint, asker: Endpoint, api: string, request: Buffer, answer: Buffer) => void
  /** A buffer was changed while it was in flight. */
  onChangedInFlight: (api: string) => void
  /** A rule was broken where the production code would take an error for its own. */
  onViolation: (why: unknown) => void
}

/** One way of a request, of its answer, or of a probe. */
export type Message = {
  from: number
  to: number
  /** As `Fetch`, `Fetch answer`, `probe`, `probe answer`; the quorum's fetches are `Fetch.metadata`. */
  what: string
  /** Of a probe: none. */
  bytes: Buffer
  /** Once it was altered: as it is by then. */
  deliver: () => void
  /** On its way it becomes another one. */
  alter(bytes: Buffer): void
}

export type LinkOptions = {
  clusterId: string
  self: Endpoint
  machine: Machine
  onHandlerError: (api: string, error: unknown) => void
}

type Member = Connected & {
  clusterId: string
  self: Endpoint
  machine: Machine
  handlers: Map<string, LinkHandler>
  open: OpenRequests
  dropped: Dropped
  isUp: boolean
  hear(from: Endpoint): void
  handlerFailed(api: string, error: unknown): void
  setUp(up: boolean): void
}

const inFlightBytesMax = 64 * 1024 * 1024

export function createNetwork(
  scheduler: Scheduler,
  random: SeededRandom,
  trace: Trace,
): SimNetwork {
  const isOneProcess = random.chance(0.5)
  const members = new Map<number, Member>()
  const ways = createWays(scheduler.now)
  const gone = createGone(scheduler.now)
  const between = createServers({
    scheduler,
    random,
    network: () => network,
    everybody: () => members.values(),
    disconnect,
    enterLater: connectLater,
  })
  let carried = 0

  const isThere = (member: Member) => members.get(member.self.nodeId) === member

  const delay = () => delayOf(network, random)

  /** Whether what the one asks gets to the other: else the server tells that nobody listens there. */
  const isHeard = (asked: Member | undefined, asker: Member): asked is Member =>
    asked !== undefined && between.hears(asked, asker)

  function refuseLater(asker: Member, tell: () => void): void {
    scheduler.after(delay(), () => {
      if (asker.isConnected) asker.machine.whenAwake(tell)
    })
  }

  type Cargo = { from: Member; to: number; what: string; lane: Lane; sent: Sent }

  /** @param arrive runs on the receiver's machine */
  function carry({ from, to, what, lane, sent }: Cargo, arrive: () => void): void {
    const there = members.get(to)
    const losses = from.losses
    const lossesThere = there?.losses
    const isLost = () => from.losses !== losses || there?.losses !== lossesThere
    const { detail } = trace
    const { bytes } = sent
    const told = { id: ++carried, from: from.self.nodeId, to, api: what, bytes: bytes.length }
    const lost = (why: string) => detail?.('message', { event: 'lost', ...told, why })
    const come = () => {
      detail?.('message', { event: 'arrived', ...told })
      arrive()
    }
    const once = () => {
      const queueMs = network.queueMs(from.self.nodeId, to, lane, bytes.length)
      if (queueMs > queueMsMax) return lost('queue')
      scheduler.after(queueMs + delay(), () => {
        const receiver = members.get(to)
        if (isLost() || !from.isConnected || between.areDown()) return lost('server')
        if (network.isCut(from.self.nodeId, to)) return lost('cut')
        if (receiver === undefined) come()
        else receiver.machine.whenAwake(come)
      })
    }
    detail?.('message', { event: 'sent', ...told })
    const { intercept } = network
    const alter = (other: Buffer) => void Object.assign(sent, seal([other]))
    if (intercept?.({ from: from.self.nodeId, to, what, bytes, deliver: once, alter })) {
      detail?.('message', { event: 'held', ...told })
      return
    }
    if (strikes('loss', network, random)) lost('chance')
    else once()
    if (strikes('repeat', network, random)) once()
  }

  /** As it came, as between nodes of one process, or joined, as over NATS. */
  function unseal({ chunks, bytes }: Sent, api: string): Buffer[] {
    if (!joined(chunks).equals(bytes)) network.onChangedInFlight(api)
    return isOneProcess ? chunks : [bytes]
  }

  function handOver(
    asker: Member,
    id: number,
    to: number,
    api: string,
    sent: Sent,
    options: RequestOptions,
    deadline: number,
  ): void {
    const asked = members.get(to)
    const handler = asked?.handlers.get(api)
    const back = (sent: Sent, arrive: () => void): void => {
      if (asked === undefined || !isThere(asked)) return
      const cargo = { from: asked, to: asker.self.nodeId, lane: options.lane, sent }
      carry({ ...cargo, what: `${api} answer` }, () => {
        if (!isThere(asker) || !asker.isUp || !isHeard(asker, asked)) return
        asker.hear(asked.self)
        arrive()
      })
    }
    const nobody = () => refuseLater(asker, () => none(asker, id, to))
    if (!isHeard(asked, asker) || handler === undefined) {
      nobody()
      return
    }
    if (scheduler.now() > deadline) {
      asked.dropped.stale++
      return
    }
    asked.hear(asker.self)
    if (options.incarnationId !== undefined && options.incarnationId !== asked.self.incarnationId) {
      asked.dropped.otherIncarnation++
      nobody()
      return
    }
    network.onDelivery(asker.self, to, api, sent.bytes.length)
    trace.mix('request', asker.self.nodeId, to, api, sent.sum)
    const refuse = (error: unknown): void => {
      asked.handlerFailed(api, error)
      back(seal([]), () => asker.open.fail(id, 'refused', `${api} failed on node ${to}`))
    }
    const answer = (chunks: Buffer[]): void => {
      const sealed = seal(chunks)
      network.onAnswer(asked.self, asker.self, api, sent.bytes, sealed.bytes)
      back(sealed, () => {
        trace.mix('answer', to, asker.self.nodeId, api, sealed.sum)
        const arrived = unseal(sealed, `${api} answer`)
        if (!asker.open.answer(id, arrived, asked.self)) asker.dropped.unasked++
      })
    }
    try {
      const result = handler(joined(unseal(sent, api)), asker.self)
      if (result instanceof Promise) result.then(answer, refuse)
      else answer(result)
    } catch (error) {
      refuse(error)
    }
  }

  function none(asker: Member, id: number, to: number): void {
    if (isThere(asker)) asker.open.fail(id, 'noResponders', `node ${to} does not answer there`)
  }

  function probe(asker: Member, to: Endpoint, timeoutMs: number): Promise<ProbeVerdict> {
    return new Promise<ProbeVerdict>((resolve) => {
      let done = false
      const settle = (verdict: ProbeVerdict) => {
        if (done) return
        done = true
        asker.machine.clearTimeout(timer)
        resolve(verdict)
      }
      const timer = asker.machine.setTimeout(() => settle('silent'), timeoutMs)
      const lane = 'control'
      const there = { from: asker, to: to.nodeId, what: 'probe', lane, sent: seal([]) } as const
      carry(there, () => {
        const asked = members.get(to.nodeId)
        if (!isHeard(asked, asker) || asked.self.incarnationId !== to.incarnationId) {
          gone.refused(asker.self.nodeId, to.incarnationId)
          return refuseLater(asker, () => settle('noResponders'))
        }
        gone.heard(asker.self.nodeId, to.incarnationId)
        asked.hear(asker.self)
        const back = { ...there, from: asked, to: asker.self.nodeId, what: 'probe answer' }
        carry(back, () => {
          if (!isThere(asker) || !isHeard(asker, asked)) return
          asker.hear(asked.self)
          settle('alive')
        })
      })
    })
  }

  function connect(member: Member): void {
    if (!isThere(member) || member.isConnected || between.areDown()) return
    between.enter(member)
    member.setUp(true)
  }

  function connectLater(member: Member): void {
    scheduler.after(network.reconnectMs(member.self.nodeId), () => {
      member.machine.setTimeout(() => connect(member), 0)
    })
  }

  function disconnect(member: Member): void {
    member.losses++
    member.isConnected = false
    gone.forget(member.self.nodeId)
    member.machine.setTimeout(() => {
      if (member.isConnected) return
      member.setUp(false)
      connectLater(member)
    }, 0)
  }

  function link({ clusterId, self, machine, onHandlerError }: LinkOptions): Link {
    const heard = heardTimes()
    const listeners: ((up: boolean) => void)[] = []
    const missing: ((nodeId: number) => void)[] = []
    let state: 'new' | 'open' | 'closed' = 'new'
    const member: Member = {
      clusterId,
      nodeId: self.nodeId,
      self,
      machine,
      handlers: new Map(),
      open: openRequests(machine, inFlightBytesMax, (nodeId) => {
        for (const listener of missing) listener(nodeId)
      }),
      dropped: nothingDropped(),
      isUp: false,
      ...notConnected,
      hear(from) {
        heard.note(from, machine.monotonic())
        gone.heard(self.nodeId, from.incarnationId)
      },
      handlerFailed: onHandlerError,
      setUp(up) {
        if (member.isUp === up) return
        member.isUp = up
        for (const listener of listeners) listener(up)
      },
    }
    return {
      clusterId,
      self,
      dropped: member.dropped,
      reconnectMs: 100,
      async connect() {
        members.set(self.nodeId, member)
        state = 'open'
        if (!between.areDown()) connect(member)
        else {
          await new Promise<void>((resolve) => {
            listeners.push((up) => {
              if (up) resolve()
            })
          })
        }
      },
      serve: (api, handler) => void member.handlers.set(api, handler),
      request(to, api, message, options) {
        if (state === 'closed') return Promise.reject(new LinkError('closed', 'closed'))
        if (!member.isUp) return Promise.reject(new LinkError('disconnected', 'the link is down'))
        const sent = seal(message)
        const deadline = scheduler.now() + options.timeoutMs
        const send = (id: number) =>
          carry({ from: member, to, what: api, lane: options.lane, sent }, () =>
            handOver(member, id, to, api, sent, options, deadline),
          )
        return member.open.ask(to, sent.bytes.length, options.timeoutMs, send, options.answeredBy)
      },
      probe: (to, timeoutMs) =>
        member.isUp ? probe(member, to, timeoutMs) : Promise.resolve('unknown'),
      lastHeard: heard.at,
      onNobodyThere: (listener) => void missing.push(listener),
      isUp: () => member.isUp,
      onChange: (listener) => void listeners.push(listener),
      async close() {
        if (state === 'closed') return
        state = 'closed'
        if (isThere(member)) members.delete(self.nodeId)
        member.open.failAll('closed', 'this link was closed')
        member.setUp(false)
      },
    }
  }

  const network: SimNetwork = {
    ...ways,
    gone,
    ...networkDefaults(random),
    ...between.faults,
    link,
    dropped: (nodeId) => members.get(nodeId)?.dropped ?? nothingDropped(),
  }
  return network
}
