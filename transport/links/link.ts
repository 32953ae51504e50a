/**
 * How one node reaches another: requests and answers between inboxes. In memory, over NATS and in
 * simulation behind this one interface; it hands on whole messages unread.
 *
 * Delivery is at most once and in no promised order. A request has a deadline; what was not sent
 * by then is never sent, and what arrives after it is not handed on. Each message tells who sent it
 * and which incarnation it is for; what is meant for another incarnation, or answers nothing that
 * is open, is dropped and counted. Of two live processes with one id both are heard: which of them
 * counts is for epochs to say, so a handler is told the incarnation that asks.
 */
import type { Timers } from '../timers.ts'

/** Who is at one end: a node id and the uuid it drew when its process started. */
export type Endpoint = { nodeId: number; incarnationId: string }

/** Votes and heartbeats never wait behind bulk fetches. */
export type Lane = 'control' | 'bulk'

export type RequestOptions = {
  /** ms until `LinkError` 'timeout'. */
  timeoutMs: number
  lane: Lane
  /** Only this incarnation may see the request; absent: whoever has the id now. */
  incarnationId?: string
  /** Told which incarnation answered, before the answer resolves. */
  answeredBy?: (from: Endpoint) => void
}

export type LinkFailure =
  /** No answer before the deadline, or the asked went away meanwhile: the outcome is unknown. */
  | 'timeout'
  /** Nobody listens on that inbox right now: evidence of death, not proof. Nothing was done. */
  | 'noResponders'
  /** This node's own link is down: nothing was sent. */
  | 'disconnected'
  /** Too many bytes in flight to this peer: nothing was sent; try later. */
  | 'overloaded'
  /** The other side's handler threw. */
  | 'refused'
  | 'closed'

export class LinkError extends Error {
  readonly failure: LinkFailure
  constructor(failure: LinkFailure, message: string) {
    super(message)
    this.name = 'LinkError'
    this.failure = failure
  }
}

/** @returns the answer in chunks, which nobody writes to from now on; the link joins them where it must */
export type LinkHandler = (message: Buffer, from: Endpoint) => Buffer[] | Promise<Buffer[]>

export type ProbeVerdict = 'alive' | 'noResponders' | 'silent' | 'unknown'

/** What was not handed on, by reason. */
export type Dropped = {
  /** Meant for an incarnation that is not this one. */
  otherIncarnation: number
  /** Arrived after its deadline. */
  stale: number
  /** An answer that no request waits for. */
  unasked: number
  /** Not a message of ours, or above a bound. */
  malformed: number
}

/** Durations are measured with these: a `Clock` fits. */
export type LinkClock = Timers & { monotonic(): number }

export type Link = {
  readonly clusterId: string
  readonly self: Endpoint
  readonly dropped: Readonly<Dropped>
  /** How long a peer that lives may answer with 'noResponders': it reconnects. 0: never. */
  readonly reconnectMs: number
  /** Resolves when requests can be sent and inboxes are served. */
  connect(): Promise<void>
  /** Serves the inbox of one api, named as Kafka names it. Once per api, before `connect`. */
  serve(api: string, handler: LinkHandler): void
  /**
   * @returns the answer in as many chunks as it came in: what stays in memory is not joined
   * @throws LinkError
   */
  request(to: number, api: string, message: Buffer[], options: RequestOptions): Promise<Buffer[]>
  /**
   * Asks whether one incarnation of a node still listens. Never rejects.
   * 'unknown': our own link is down, so this says nothing.
   */
  probe(to: Endpoint, timeoutMs: number): Promise<ProbeVerdict>
  /** When anything from that incarnation last arrived by any path, monotonic ms; undefined: never. */
  lastHeard(from: Endpoint): number | undefined
  /** Called when a request or a probe failed with 'noResponders'. */
  onNobodyThere(listener: (nodeId: number) => void): void
  isUp(): boolean
  /** Called with each change of `isUp`. */
  onChange(listener: (up: boolean) => void): void
  /** Stops serving; open requests end in 'closed'. */
  close(): Promise<void>
}

export const nothingDropped = (): Dropped => ({
  otherIncarnation: 0,
  stale: 0,
  unasked: 0,
  malformed: 0,
})
