/**
 * The requests of one link that wait for their answer: each with its deadline, and the bytes that
 * are on their way to each peer with their bound.
 */
import type { Timer } from '../timers.ts'
import { type Endpoint, type LinkClock, LinkError, type LinkFailure } from './link.ts'

type Open = {
  to: number
  bytes: number
  askedAt: number
  timer: Timer
  answeredBy: ((from: Endpoint) => void) | undefined
  resolve: (answer: Buffer[]) => void
  reject: (error: LinkError) => void
}

/** What an open request costs beside its payload, so that many small ones are bounded, too. */
const perRequestBytes = 512

export type OpenRequests = ReturnType<typeof openRequests>

/**
 * @param inFlightBytesMax per peer; one request passes however big it is, so that it makes progress
 * @param nobodyThere told where nobody listened
 */
export function openRequests(
  clock: LinkClock,
  inFlightBytesMax: number,
  nobodyThere: (to: number) => void,
) {
  const open = new Map<number, Open>()
  const inFlight = new Map<number, number>()
  let lastId = 0

  const take = (id: number): Open | undefined => {
    const request = open.get(id)
    if (request === undefined) return undefined
    open.delete(id)
    clock.clearTimeout(request.timer)
    const left = inFlight.get(request.to)! - request.bytes
    if (left === 0) inFlight.delete(request.to)
    else inFlight.set(request.to, left)
    return request
  }

  const fail = (id: number, failure: LinkFailure, message: string): boolean => {
    const request = take(id)
    if (request === undefined) return false
    request.reject(new LinkError(failure, message))
    if (failure === 'noResponders') nobodyThere(request.to)
    return true
  }

  return {
    /** Opens a request and calls `send` with its id, unsigned 32 bits wide. Rejects with LinkError. */
    ask(
      to: number,
      bytes: number,
      timeoutMs: number,
      send: (id: number) => void,
      answeredBy?: (from: Endpoint) => void,
    ): Promise<Buffer[]> {
      const already = inFlight.get(to) ?? 0
      if (already > 0 && already + bytes > inFlightBytesMax) {
        const message = `${already} bytes are on their way to node ${to}`
        return Promise.reject(new LinkError('overloaded', message))
      }
      do lastId = (lastId + 1) >>> 0
      while (open.has(lastId))
      const id = lastId
      return new Promise((resolve, reject) => {
        const timer = clock.setTimeout(
          () => fail(id, 'timeout', `node ${to} did not answer within ${timeoutMs} ms`),
          timeoutMs,
        )
        const askedAt = clock.monotonic()
        open.set(id, {
          to,
          bytes: bytes + perRequestBytes,
          askedAt,
          timer,
          answeredBy,
          resolve,
          reject,
        })
        inFlight.set(to, already + bytes + perRequestBytes)
        send(id)
      })
    },
    /** Whom an open request asks. */
    peerOf: (id: number): number | undefined => open.get(id)?.to,
    /** When an open request was asked, monotonic ms. */
    askedAt: (id: number): number | undefined => open.get(id)?.askedAt,
    /** @returns false when nothing waits for it (any more) */
    answer(id: number, answer: Buffer[], from: Endpoint): boolean {
      const request = take(id)
      request?.answeredBy?.(from)
      request?.resolve(answer)
      return request !== undefined
    },
    fail,
    failAll(failure: LinkFailure, message: string): void {
      for (const id of [...open.keys()]) fail(id, failure, message)
    },
    failPeer(to: number, failure: LinkFailure, message: string): void {
      for (const [id, request] of [...open]) if (request.to === to) fail(id, failure, message)
    },
  }
}
