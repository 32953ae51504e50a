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
  type Link,
  LinkError,
  type LinkHandler,
  nothingDropped,
  type ProbeVerdict,
  type RequestOptions,
} from '../../transport/links/link.ts'
import { type OpenRequests, openRequests } from '../../transport/links/open-requests.ts'
import { crc32c } from '../../transport/records/crc32c.ts'
import type { SeededRandom } from './random.ts'
import type { Machine, Scheduler } from './scheduler.ts'
import type { Trace } from './trace.ts'

export type NetworkFaults = {
  lossRate: number
  repeatRate: number
  /** Mean of a way, ms, beside the least one. */
  delayMs: number
  /** Chance that a message takes up to ten seconds. */
  stallRate: number
}

export type SimNetwork = {
  faults: NetworkFaults
  link(options: LinkOptions): Link
  /** What the link of a node that runs did not hand on. */
  dropped(nodeId: number): Readonly<Dropped>
  /** Nothing gets from one to the other, that way only. */
  cut(from: number, to: number): void
  mend(from: number, to: number): void
  isCut(from: number, to: number): boolean
  healAll(): void
  /** The server goes: links are down, and what is on its way is lost. */
  serverDown(): void
  serverUp(): void
  /** Sees what arrives; throws where a rule is broken. */
  onDelivery: (from: Endpoint, to: number, api: string, bytes: number) => void
  /** Asked before chance is: true, when it takes the message, to deliver it when it likes, or never. */
  intercept: ((message: Message) => boolean) | undefined
  /** How long a node takes to come back to a server that came back, ms. */
  reconnectMs: (nodeId: number) => number
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

type Member = {
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

/** What was sent, as it was then. */
type Sent = { chunks: Buffer[]; bytes: Buffer; sum: number }

const inFlightBytesMax = 64 * 1024 * 1024
const leastMs = 0.05

export function createNetwork(
  scheduler: Scheduler,
  random: SeededRandom,
  trace: Trace,
): SimNetwork {
  const isOneProcess = random.chance(0.5)
  const members = new Map<number, Member>()
  const cuts = new Set<string>()
  let serverIsUp = true
  /** What was sent under an earlier server is lost with it. */
  let serverLife = 0
  let carried = 0

  const isThere = (member: Member) => members.get(member.self.nodeId) === member

  function delay(): number {
    const { delayMs, stallRate } = network.faults
    if (stallRate > 0 && random.chance(stallRate)) return random.between(100, 10_000)
    return leastMs + random.exponential(delayMs)
  }

  /** @param arrive runs on the receiver's machine */
  function carry(from: Member, to: number, what: string, sent: Sent, arrive: () => void): void {
    const life = serverLife
    const { detail } = trace
    const { bytes } = sent
    const told = { id: ++carried, from: from.self.nodeId, to, api: what, bytes: bytes.length }
    const lost = (why: string) => detail?.('message', { event: 'lost', ...told, why })
    const come = () => {
      detail?.('message', { event: 'arrived', ...told })
      arrive()
    }
    const once = () => {
      scheduler.after(delay(), () => {
        const receiver = members.get(to)
        if (life !== serverLife || !serverIsUp) return lost('server')
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
    if (!random.chance(network.faults.lossRate)) once()
    else lost('chance')
    if (network.faults.repeatRate > 0 && random.chance(network.faults.repeatRate)) once()
  }

  function seal(chunks: Buffer[]): Sent {
    const bytes = Buffer.concat(chunks)
    return { chunks, bytes, sum: crc32c(bytes, 0, bytes.length) }
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
      const sender = asked ?? asker
      if (asked !== undefined && !isThere(asked)) return
      carry(sender, asker.self.nodeId, `${api} answer`, sent, () => {
        if (!isThere(asker) || !asker.isUp) return
        if (asked !== undefined) asker.hear(asked.self)
        arrive()
      })
    }
    if (asked === undefined || !asked.isUp || handler === undefined) {
      // The server tells, not the node.
      scheduler.after(delay(), () => {
        if (serverIsUp) asker.machine.whenAwake(() => none(asker, id, to))
      })
      return
    }
    if (scheduler.now() > deadline) {
      asked.dropped.stale++
      return
    }
    asked.hear(asker.self)
    if (options.incarnationId !== undefined && options.incarnationId !== asked.self.incarnationId) {
      asked.dropped.otherIncarnation++
      scheduler.after(delay(), () => {
        if (serverIsUp) asker.machine.whenAwake(() => none(asker, id, to))
      })
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
      carry(asker, to.nodeId, 'probe', seal([]), () => {
        const asked = members.get(to.nodeId)
        if (asked?.isUp && asked.self.incarnationId === to.incarnationId) {
          asked.hear(asker.self)
          carry(asked, asker.self.nodeId, 'probe answer', seal([]), () => {
            if (!isThere(asker)) return
            asker.hear(asked.self)
            settle('alive')
          })
        } else {
          scheduler.after(delay(), () => {
            if (serverIsUp) asker.machine.whenAwake(() => settle('noResponders'))
          })
        }
      })
    })
  }

  function link({ clusterId, self, machine, onHandlerError }: LinkOptions): Link {
    const heard = heardTimes()
    const listeners: ((up: boolean) => void)[] = []
    const missing: ((nodeId: number) => void)[] = []
    let state: 'new' | 'open' | 'closed' = 'new'
    const member: Member = {
      clusterId,
      self,
      machine,
      handlers: new Map(),
      open: openRequests(machine, inFlightBytesMax, (nodeId) => {
        for (const listener of missing) listener(nodeId)
      }),
      dropped: nothingDropped(),
      isUp: false,
      hear: (from) => heard.note(from, machine.monotonic()),
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
        if (serverIsUp) member.setUp(true)
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
          carry(member, to, api, sent, () => handOver(member, id, to, api, sent, options, deadline))
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
    faults: { lossRate: 0, repeatRate: 0, delayMs: 0.2, stallRate: 0 },
    link,
    dropped: (nodeId) => members.get(nodeId)?.dropped ?? nothingDropped(),
    cut: (from, to) => void cuts.add(`${from}>${to}`),
    mend: (from, to) => void cuts.delete(`${from}>${to}`),
    isCut: (from, to) => cuts.has(`${from}>${to}`),
    healAll: () => cuts.clear(),
    serverDown() {
      serverIsUp = false
      serverLife++
      for (const member of members.values()) member.machine.setTimeout(() => member.setUp(false), 0)
    },
    serverUp() {
      serverIsUp = true
      for (const member of members.values()) {
        scheduler.after(network.reconnectMs(member.self.nodeId), () => {
          if (serverIsUp && isThere(member)) member.machine.setTimeout(() => member.setUp(true), 0)
        })
      }
    },
    onDelivery: () => {},
    intercept: undefined,
    reconnectMs: () => random.between(1, 100),
    onAnswer: () => {},
    onChangedInFlight: () => {},
    onViolation: () => {},
  }
  return network
}

const joined = (chunks: Buffer[]): Buffer =>
  chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
