/**
 * The link over NATS: nodes that are processes of their own, on one machine or many.
 *
 * Control and bulk have a connection each, so that a vote never queues behind a fetch. The link is
 * up while both are. What a node asks of itself stays in the process and needs no server.
 */

import { alive, inbox } from '../subjects.ts'
import type { Timer } from '../timers.ts'
import { heardTimes } from './heard.ts'
import {
  type Endpoint,
  type Lane,
  type Link,
  type LinkClock,
  LinkError,
  type LinkHandler,
  nothingDropped,
  type ProbeVerdict,
} from './link.ts'
import { type Connect, type NatsOptions, natsConnection, reconnectMs } from './nats-connection.ts'
import { natsLane } from './nats-lane.ts'
import { staleness } from './staleness.ts'

export type NatsLinkOptions = {
  clusterId: string
  self: Endpoint
  clock: LinkClock
  nats: NatsOptions | Connect
  /** A handler threw, or its promise rejected: the asker is told 'refused'. */
  onHandlerError?: (api: string, error: unknown) => void
  /** A sentence for the log about the connection. */
  onTrouble?: (what: string) => void
}

const clockTimeoutMs = 1_000
const laneNames: Lane[] = ['control', 'bulk']

export function natsLink(options: NatsLinkOptions): Link {
  const { clusterId, self, clock, nats } = options
  const connect: Connect =
    typeof nats === 'function' ? nats : (state) => natsConnection(nats, state)
  const { onHandlerError: handlerFailed = () => {}, onTrouble = () => {} } = options
  const heard = heardTimes()
  const dropped = nothingDropped()
  const ages = staleness()
  /** Whose clock is being asked for. */
  const asked = new Set<string>()
  const handlers = new Map<string, LinkHandler>()
  const listeners: ((up: boolean) => void)[] = []
  const missing: ((nodeId: number) => void)[] = []
  let state: 'new' | 'open' | 'closed' = 'new'
  let up = false
  let downs = 0

  const openLane = (lane: Lane) =>
    natsLane({
      clusterId,
      self,
      clock,
      lane,
      connect,
      dropped,
      staleness: ages,
      onStale,
      handlerFailed,
      onTrouble,
      hear: (from) => heard.note(from, clock.monotonic()),
      nobodyThere(nodeId) {
        for (const listener of missing) listener(nodeId)
      },
      onChange: laneChanged,
    })
  const lanes = { control: openLane('control'), bulk: openLane('bulk') }

  /** Its answer tells how far its clock is apart by now. */
  function onStale({ nodeId, incarnationId }: Endpoint): void {
    if (asked.has(incarnationId)) return
    asked.add(incarnationId)
    const subject = alive(clusterId, nodeId, incarnationId)
    const done = () => void asked.delete(incarnationId)
    lanes.control.ask(subject, { nodeId, incarnationId }, [], clockTimeoutMs).then(done, done)
  }

  function laneChanged(): void {
    const now = lanes.control.isUp() && lanes.bulk.isUp()
    if (now === up) return
    up = now
    if (!up) downs++
    for (const listener of listeners) listener(up)
  }

  async function askSelf(api: string, chunks: Buffer[], timeoutMs: number): Promise<Buffer[]> {
    const handler = handlers.get(api)
    if (handler === undefined) throw new LinkError('noResponders', `${api} is not served here`)
    await Promise.resolve()
    const late = new LinkError('timeout', `${api} was not answered within ${timeoutMs} ms`)
    let timer: Timer | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = clock.setTimeout(() => reject(late), timeoutMs)
    })
    try {
      return await Promise.race([handler(Buffer.concat(chunks), self), deadline])
    } catch (error) {
      if (error === late) throw error
      handlerFailed(api, error)
      throw new LinkError('refused', `${api} failed on this node`)
    } finally {
      if (timer !== undefined) clock.clearTimeout(timer)
    }
  }

  return {
    clusterId,
    self,
    dropped,
    reconnectMs,
    async connect() {
      if (state !== 'new') throw new LinkError('closed', 'a link connects once')
      state = 'open'
      lanes.control.serve(alive(clusterId, self.nodeId, self.incarnationId), 'alive', () => [])
      await Promise.all(laneNames.map((lane) => lanes[lane].connect()))
    },
    serve(api, handler) {
      if (handlers.has(api)) throw new Error(`${api} is served already`)
      handlers.set(api, handler)
      for (const lane of laneNames) {
        lanes[lane].serve(inbox(clusterId, self.nodeId, api, lane), api, handler)
      }
    },
    request(to, api, message, { timeoutMs, lane, incarnationId = null, answeredBy }) {
      if (state === 'closed') return Promise.reject(new LinkError('closed', 'this link was closed'))
      if (to === self.nodeId) {
        if (incarnationId === null || incarnationId === self.incarnationId) {
          answeredBy?.(self)
          return askSelf(api, message, timeoutMs)
        }
        const gone = `node ${to} is another incarnation now`
        return Promise.reject(new LinkError('noResponders', gone))
      }
      const subject = inbox(clusterId, to, api, lane)
      return lanes[lane].ask(subject, { nodeId: to, incarnationId }, message, timeoutMs, answeredBy)
    },
    async probe(to, timeoutMs): Promise<ProbeVerdict> {
      const downsBefore = downs
      const subject = alive(clusterId, to.nodeId, to.incarnationId)
      try {
        await lanes.control.ask(subject, to, [], timeoutMs)
        return 'alive'
      } catch (error) {
        if (!up || downs !== downsBefore || !(error instanceof LinkError)) return 'unknown'
        if (error.failure === 'noResponders') return 'noResponders'
        return error.failure === 'timeout' ? 'silent' : 'unknown'
      }
    },
    lastHeard: heard.at,
    onNobodyThere: (listener) => void missing.push(listener),
    isUp: () => up,
    onChange(listener) {
      listeners.push(listener)
    },
    async close() {
      if (state === 'closed') return
      state = 'closed'
      await Promise.all(laneNames.map((lane) => lanes[lane].close()))
    },
  }
}
