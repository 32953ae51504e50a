/**
 * One lane of the link over NATS: a connection of its own, the requests that wait on it, and the
 * messages that leave and arrive in parts.
 *
 * One subscription hears all answers, by correlation. While the connection is down requests fail at
 * once, and those under way end as 'timeout': their answers may have been lost with it.
 */
import { answers } from '../subjects.ts'
import { joins } from './joins.ts'
import {
  type Dropped,
  type Endpoint,
  type Lane,
  type LinkClock,
  LinkError,
  type LinkHandler,
} from './link.ts'
import type { Connect, NatsMessage } from './nats-connection.ts'
import { openRequests } from './open-requests.ts'
import { type Kind, kinds, type Prefix, prefixBytes, prefixWriter, readPrefix } from './prefix.ts'
import type { Staleness } from './staleness.ts'
import { transfers } from './transfers.ts'

export type LaneOptions = {
  clusterId: string
  self: Endpoint
  clock: LinkClock
  lane: Lane
  connect: Connect
  dropped: Dropped
  hear(from: Endpoint): void
  nobodyThere(nodeId: number): void
  staleness: Staleness
  /** What it sent looks old; so would all it sends if its clock had fallen behind. */
  onStale(from: Endpoint): void
  handlerFailed(api: string, error: unknown): void
  onChange(up: boolean): void
  onTrouble(what: string): void
}

type Outbound = {
  kind: Kind
  to: { nodeId: number; incarnationId: string | null }
  subject: string
  reply?: string
  correlationId: number
  timeoutMs: number
}

const mebibyte = 1024 * 1024
const inFlightBytesMax = 64 * mebibyte
const windowBytes = 4 * mebibyte
const partBytesMax = mebibyte
const bounds = { messageBytesMax: 256 * mebibyte, joiningBytesMax: 512 * mebibyte }

export type NatsLane = ReturnType<typeof natsLane>

export function natsLane(options: LaneOptions) {
  const { clusterId, self, clock, lane, dropped, onTrouble } = options
  const answersHere = answers(clusterId, self.nodeId, self.incarnationId, lane)
  const writePrefix = prefixWriter(self)
  const open = openRequests(clock, inFlightBytesMax, options.nobodyThere)
  const arriving = joins(clock, bounds)
  const leaving = transfers(clock, windowBytes)
  const connection = options.connect({
    clock,
    name: `samsa ${clusterId} node ${self.nodeId} ${lane}`,
    onTrouble,
    onChange(up) {
      if (!up) forgetAll('timeout', "this node's link went down")
      options.onChange(up)
    },
  })
  connection.subscribe(`${answersHere}.*`, receiveAnswer)

  function forgetAll(failure: 'timeout' | 'closed', why: string): void {
    open.failAll(failure, why)
    leaving.clear()
    arriving.clear()
  }

  function sendPart(
    { kind, to, subject, reply, correlationId, timeoutMs }: Outbound,
    { total, offset, transfer }: Pick<Prefix, 'total' | 'offset' | 'transfer'>,
    chunks: Buffer[],
    bytes: number,
  ): void {
    const payload = Buffer.allocUnsafe(prefixBytes + bytes)
    const { incarnationId } = to
    const sentAt = clock.monotonic()
    writePrefix(payload, {
      kind,
      incarnationId,
      correlationId,
      sentAt,
      timeoutMs,
      total,
      offset,
      transfer,
    })
    let at = prefixBytes
    for (const chunk of chunks) at += chunk.copy(payload, at)
    connection.publish(subject, payload, reply)
  }

  function send(message: Outbound, chunks: Buffer[]): void {
    const total = chunks.reduce((sum, { length }) => sum + length, 0)
    const partBytes = Math.min(partBytesMax, connection.maxPayload()) - prefixBytes
    if (total <= partBytes) {
      sendPart(message, { total, offset: 0, transfer: 0 }, chunks, total)
      return
    }
    const whole = Buffer.concat(chunks)
    leaving.begin(message.to.nodeId, total, message.timeoutMs, (transfer, offset) => {
      const bytes = whole.subarray(offset, offset + partBytes)
      sendPart(message, { total, offset, transfer }, [bytes], bytes.length)
      return offset + bytes.length
    })
  }

  /** The whole message, once all of it is there. */
  function join(prefix: Prefix, bytes: Buffer): Buffer | undefined {
    const { kind, from, total, offset, transfer, timeoutMs } = prefix
    if (offset === 0 && bytes.length === total) return bytes
    const key = `${from.incarnationId} ${kind} ${transfer}`
    const added = arriving.add(key, { total, offset, bytes, timeoutMs })
    if (added === undefined) {
      dropped.malformed++
      return undefined
    }
    const credit = {
      kind: kinds.credit,
      to: from,
      subject: `${answers(clusterId, from.nodeId, from.incarnationId, lane)}.credit`,
      correlationId: transfer,
      timeoutMs,
    }
    sendPart(credit, { total: added.received, offset: 0, transfer }, [], 0)
    return added.whole
  }

  /** What comes in counts as a sign of life, whatever becomes of it. */
  function accept(data: Buffer): Prefix | undefined {
    const prefix = readPrefix(data)
    if (prefix === undefined) dropped.malformed++
    else options.hear(prefix.from)
    return prefix
  }

  const isForUs = ({ incarnationId }: Prefix): boolean =>
    incarnationId === null || incarnationId === self.incarnationId

  function noteRoundTrip({ kind, from, correlationId, sentAt }: Prefix): void {
    if (kind === kinds.credit || open.peerOf(correlationId) !== from.nodeId) return
    const now = clock.monotonic()
    const roundTripMs = now - open.askedAt(correlationId)!
    options.staleness.answered(from.incarnationId, sentAt, roundTripMs, now)
  }

  function receiveAnswer({ subject, data, noResponders }: NatsMessage): void {
    if (noResponders) {
      const id = Number.parseInt(subject.slice(answersHere.length + 1), 36)
      if (!open.fail(id, 'noResponders', 'nobody listens there')) dropped.unasked++
      return
    }
    const prefix = accept(data)
    if (prefix === undefined) return
    const { kind, from, correlationId: id } = prefix
    noteRoundTrip(prefix)
    if (!isForUs(prefix)) dropped.otherIncarnation++
    else if (kind === kinds.credit) leaving.credit(from.nodeId, id, prefix.total)
    else if (open.peerOf(id) !== from.nodeId) dropped.unasked++
    else if (kind === kinds.refused) {
      open.fail(id, 'refused', `its handler failed on node ${from.nodeId}`)
    } else if (kind === kinds.otherIncarnation) {
      open.fail(id, 'noResponders', `node ${from.nodeId} is another incarnation now`)
    } else if (kind === kinds.answer) {
      const whole = join(prefix, data.subarray(prefixBytes))
      if (whole !== undefined) open.answer(id, [whole], from)
    }
  }

  function receiveRequest(api: string, handler: LinkHandler, { data, reply }: NatsMessage): void {
    const prefix = accept(data)
    if (prefix === undefined || prefix.kind !== kinds.request) return
    const { from, correlationId, timeoutMs } = prefix
    const answer = (kind: Kind, chunks: Buffer[]): void =>
      send({ kind, to: from, subject: reply, correlationId, timeoutMs }, chunks)
    if (!isForUs(prefix)) {
      dropped.otherIncarnation++
      answer(kinds.otherIncarnation, [])
      return
    }
    const now = clock.monotonic()
    if (options.staleness.isStale(from.incarnationId, prefix.sentAt, timeoutMs, now)) {
      dropped.stale++
      options.onStale(from)
      return
    }
    const message = join(prefix, data.subarray(prefixBytes))
    if (message === undefined) return
    const refuse = (error: unknown): void => {
      options.handlerFailed(api, error)
      answer(kinds.refused, [])
    }
    try {
      const result = handler(message, from)
      if (result instanceof Promise) {
        result.then((chunks) => answer(kinds.answer, chunks), refuse)
      } else answer(kinds.answer, result)
    } catch (error) {
      refuse(error)
    }
  }

  return {
    /** Before `connect`. */
    serve(subject: string, api: string, handler: LinkHandler): void {
      connection.subscribe(subject, (message) => receiveRequest(api, handler, message))
    },
    connect: connection.connect,
    isUp: connection.isUp,
    ask(
      subject: string,
      to: { nodeId: number; incarnationId: string | null },
      chunks: Buffer[],
      timeoutMs: number,
      answeredBy?: (from: Endpoint) => void,
    ): Promise<Buffer[]> {
      if (!connection.isUp()) {
        return Promise.reject(new LinkError('disconnected', "this node's link is down"))
      }
      const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
      const leave = (correlationId: number): void => {
        const reply = `${answersHere}.${correlationId.toString(36)}`
        send({ kind: kinds.request, to, subject, reply, correlationId, timeoutMs }, chunks)
      }
      return open.ask(to.nodeId, bytes, timeoutMs, leave, answeredBy)
    },
    async close(): Promise<void> {
      forgetAll('closed', 'this link was closed')
      await connection.close()
    },
  }
}
