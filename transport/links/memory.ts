/**
 * Nodes of one process, joined by function calls: the link of the embedded cluster.
 *
 * Nothing is delivered in the turn that sends it. An answer arrives in the chunks that were given,
 * so record sets are not copied; a request, which is small, is joined. A closed link is gone at once: who asks it is told 'noResponders', who waits for it 'timeout'.
 */
import { heardTimes } from './heard.ts'
import {
  type Dropped,
  type Endpoint,
  type Link,
  type LinkClock,
  LinkError,
  type LinkHandler,
  nothingDropped,
  type ProbeVerdict,
  type RequestOptions,
} from './link.ts'
import { type OpenRequests, openRequests } from './open-requests.ts'
import { pacedDeliveries } from './paced.ts'

export type MemoryNetwork = {
  link(of: MemoryLinkOptions): Link
  /** Nodes in different groups do not hear each other; those that no group names stay together. */
  partition(groups: number[][]): void
  heal(): void
}

export type MemoryLinkOptions = {
  clusterId: string
  self: Endpoint
  /** A handler threw, or its promise rejected: the asker is told 'refused'. */
  onHandlerError?: (api: string, error: unknown) => void
}

type Member = {
  clusterId: string
  self: Endpoint
  handlers: Map<string, LinkHandler>
  open: OpenRequests
  dropped: Dropped
  hear(from: Endpoint): void
  handlerFailed(api: string, error: unknown): void
}

const defaultInFlightBytesMax = 256 * 1024 * 1024

export function memoryNetwork(of: { clock: LinkClock; inFlightBytesMax?: number }): MemoryNetwork {
  const { clock, inFlightBytesMax = defaultInFlightBytesMax } = of
  const deliver = pacedDeliveries(clock)
  const members = new Map<number, Member>()
  let groupOf: Map<number, number> | undefined

  const isCut = (a: number, b: number): boolean =>
    groupOf !== undefined && groupOf.get(a) !== groupOf.get(b)

  const isThere = (member: Member): boolean => members.get(member.self.nodeId) === member

  const memberFor = (asker: Member, id: number): Member | undefined => {
    const member = members.get(id)
    return member?.clusterId === asker.clusterId ? member : undefined
  }

  function handOver(
    asker: Member,
    id: number,
    to: number,
    api: string,
    message: Buffer[],
    options: RequestOptions,
  ): void {
    if (!isThere(asker) || isCut(asker.self.nodeId, to)) return
    const asked = memberFor(asker, to)
    const handler = asked?.handlers.get(api)
    if (asked === undefined || handler === undefined) {
      asker.open.fail(id, 'noResponders', `node ${to} does not serve ${api}`)
      return
    }
    asked.hear(asker.self)
    if (options.incarnationId !== undefined && options.incarnationId !== asked.self.incarnationId) {
      asked.dropped.otherIncarnation++
      asker.open.fail(id, 'noResponders', `node ${to} is another incarnation now`)
      return
    }
    const refuse = (error: unknown): void => {
      asked.handlerFailed(api, error)
      back(asker, asked, () => asker.open.fail(id, 'refused', `${api} failed on node ${to}`))
    }
    const answer = (chunks: Buffer[]): void =>
      back(asker, asked, () => {
        if (!asker.open.answer(id, chunks, asked.self)) asker.dropped.unasked++
      })
    try {
      const result = handler(joined(message), asker.self)
      if (result instanceof Promise) result.then(answer, refuse)
      else answer(result)
    } catch (error) {
      refuse(error)
    }
  }

  function back(asker: Member, asked: Member, arrive: () => void): void {
    if (!isThere(asked) || !isThere(asker) || isCut(asker.self.nodeId, asked.self.nodeId)) return
    asker.hear(asked.self)
    arrive()
  }

  function remove(member: Member): void {
    if (!isThere(member)) return
    const id = member.self.nodeId
    members.delete(id)
    for (const { open } of members.values()) {
      open.failPeer(id, 'timeout', `node ${id} went away before it answered`)
    }
  }

  return {
    link: (options) =>
      memoryLink(options, {
        clock,
        inFlightBytesMax,
        deliver,
        members,
        handOver,
        memberFor,
        isCut,
        remove,
      }),
    partition(groups) {
      groupOf = new Map(groups.flatMap((ids, group) => ids.map((id) => [id, group] as const)))
    },
    heal() {
      groupOf = undefined
    },
  }
}

type Network = {
  clock: LinkClock
  inFlightBytesMax: number
  deliver: ReturnType<typeof pacedDeliveries>
  members: Map<number, Member>
  handOver(
    asker: Member,
    id: number,
    to: number,
    api: string,
    message: Buffer[],
    options: RequestOptions,
  ): void
  memberFor(asker: Member, id: number): Member | undefined
  isCut(a: number, b: number): boolean
  remove(member: Member): void
}

function memoryLink(
  { clusterId, self, onHandlerError }: MemoryLinkOptions,
  network: Network,
): Link {
  const { clock, deliver, members } = network
  const heard = heardTimes()
  const listeners: ((up: boolean) => void)[] = []
  const missing: ((nodeId: number) => void)[] = []
  let state: 'new' | 'up' | 'closed' = 'new'
  const member: Member = {
    clusterId,
    self,
    handlers: new Map(),
    open: openRequests(clock, network.inFlightBytesMax, (nodeId) => {
      for (const listener of missing) listener(nodeId)
    }),
    dropped: nothingDropped(),
    hear: (from) => heard.note(from, clock.monotonic()),
    handlerFailed: onHandlerError ?? (() => {}),
  }

  return {
    clusterId,
    self,
    dropped: member.dropped,
    reconnectMs: 0,
    async connect() {
      if (state === 'closed') throw new LinkError('closed', 'this link was closed')
      if (members.has(self.nodeId)) throw new Error(`node ${self.nodeId} is connected already`)
      members.set(self.nodeId, member)
      state = 'up'
      for (const listener of listeners) listener(true)
    },
    serve(api, handler) {
      if (member.handlers.has(api)) throw new Error(`${api} is served already`)
      member.handlers.set(api, handler)
    },
    request(to, api, message, options) {
      if (state !== 'up') return Promise.reject(notUp(state))
      const bytes = sizeOf(message)
      const send = (id: number) =>
        deliver(() => network.handOver(member, id, to, api, message, options), bytes)
      return member.open.ask(to, bytes, options.timeoutMs, send, options.answeredBy)
    },
    probe(to, timeoutMs) {
      if (state !== 'up') return Promise.resolve('unknown')
      return new Promise<ProbeVerdict>((resolve) => {
        deliver(() => {
          if (network.isCut(self.nodeId, to.nodeId)) {
            clock.setTimeout(() => resolve('silent'), timeoutMs)
            return
          }
          const there = network.memberFor(member, to.nodeId)
          const alive = there?.self.incarnationId === to.incarnationId
          if (alive) {
            member.hear(to)
            there?.hear(self)
          }
          resolve(alive ? 'alive' : 'noResponders')
        }, 0)
      })
    },
    lastHeard: heard.at,
    onNobodyThere: (listener) => void missing.push(listener),
    isUp: () => state === 'up',
    onChange(listener) {
      listeners.push(listener)
    },
    async close() {
      if (state === 'closed') return
      const wasUp = state === 'up'
      state = 'closed'
      network.remove(member)
      member.open.failAll('closed', 'this link was closed')
      if (wasUp) for (const listener of listeners) listener(false)
    },
  }
}

const sizeOf = (chunks: Buffer[]): number => chunks.reduce((sum, { length }) => sum + length, 0)

const joined = (chunks: Buffer[]): Buffer =>
  chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)

const notUp = (state: 'new' | 'closed'): LinkError =>
  state === 'closed'
    ? new LinkError('closed', 'this link was closed')
    : new LinkError('disconnected', 'this link is not connected yet')
