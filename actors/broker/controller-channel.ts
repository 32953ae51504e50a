/**
 * The way from a broker to the active controller: over the link, by Kafka's names, finding the
 * controller again until the deadline (decision 19).
 *
 * Source: KIP-590 (Envelope), Kafka's NodeToControllerChannelManager. NOT_CONTROLLER, silence and a
 * new leader all mean: ask whoever leads now. What was asked of a former leader is let go at once,
 * so its outcome is unknown; Kafka's fencing makes the repetition safe, or it answers that the thing exists.
 * All copies of a forwarded change bear one id, by which the controller that decided it knows them (M9),
 * and so do those of an AlterPartition: one that was refused must not be granted late (P1).
 */
import { type Link, LinkError } from '../../transport/links/link.ts'
import { call } from '../../transport/links/rpc.ts'
import {
  type Api,
  decodeResponse,
  encodeRequest,
  type Request,
  type Response,
} from '../../transport/protocol/api.ts'
import { errorCodes, errorName, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { encodeRecord } from '../../transport/protocol/record.ts'
import { ListPartitionReassignments } from '../../transport/schemas/46-list-partition-reassignments.ts'
import { DescribeQuorum } from '../../transport/schemas/55-describe-quorum.ts'
import { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { Envelope } from '../../transport/schemas/58-envelope.ts'
import { DefaultPrincipalData } from '../../transport/schemas/records/principal.ts'
import type { Asker } from '../apis/handler.ts'
import { FORWARDED_ATTEMPT_MS, FORWARDED_MS } from '../controller/forwarded-once.ts'
import type { Clock } from '../ports/clock.ts'
import type { LeaderAndEpoch } from '../quorum/types.ts'
import type { ControllerChannel } from './types.ts'

/** Who leads the metadata quorum, as this node knows it. */
export type ControllerLeader = {
  current(): LeaderAndEpoch
  /** Called with each new leader. */
  onChange(listener: () => void): void
}

type Ports = { link: Link; clock: Clock; leader: ControllerLeader }

const RETRY_MS = 20
/** What this broker asks for itself is fenced or a compare-and-set, so a lost message is soon repeated. */
const OWN_ATTEMPT_MS = 2_000
const ENVELOPE_VERSION = 0
/** These change nothing, so each copy may be answered anew. */
const readOnly: ReadonlySet<number> = new Set([ListPartitionReassignments.key, DescribeQuorum.key])
const PRINCIPAL_VERSION = 0
const versionBytes = 2

type Attempt<T> = { answer: T } | 'again'

export function createControllerChannel({ link, clock, leader }: Ports): ControllerChannel {
  /** Those who wait for an answer of a leader that may be replaced, or for there to be one. */
  const waiting = new Set<() => void>()
  let lastRequestId = 0
  function nextRequestId(): number {
    lastRequestId = (lastRequestId + 1) % 2 ** 31
    return lastRequestId
  }
  leader.onChange(() => {
    for (const changed of [...waiting]) changed()
  })

  /** Ends early when the leader changes. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clock.clearTimeout(timer)
        waiting.delete(done)
        resolve()
      }
      const timer = clock.setTimeout(done, ms)
      waiting.add(done)
    })
  }

  /** One attempt at whoever leads now. */
  function attempt<T>(
    send: (controllerId: number, timeoutMs: number) => Promise<T>,
    timeoutMs: number,
  ): Promise<Attempt<T>> {
    const { leaderId } = leader.current()
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        waiting.delete(changed)
        settle()
      }
      const changed = () => {
        if (leader.current().leaderId !== leaderId) done(() => resolve('again'))
      }
      waiting.add(changed)
      send(leaderId, timeoutMs).then(
        (answer) => done(() => resolve({ answer })),
        (error: unknown) => done(() => (mayPass(error) ? resolve('again') : reject(error))),
      )
    })
  }

  /** @throws KafkaError REQUEST_TIMED_OUT when no controller answered in time */
  async function ask<T>(
    what: string,
    send: (controllerId: number, timeoutMs: number) => Promise<T>,
    isElsewhere: (answer: T) => boolean,
    timeoutMs: number,
    attemptMs = timeoutMs,
  ): Promise<T> {
    const deadline = clock.monotonic() + timeoutMs
    for (;;) {
      const left = deadline - clock.monotonic()
      if (left <= 0) {
        return refuse(
          'REQUEST_TIMED_OUT',
          `${what}: no active controller answered in ${timeoutMs} ms`,
        )
      }
      if (leader.current().leaderId >= 0) {
        const outcome = await attempt(send, Math.min(left, attemptMs))
        if (outcome !== 'again' && !isElsewhere(outcome.answer)) return outcome.answer
      }
      await pause(Math.min(RETRY_MS, Math.max(1, deadline - clock.monotonic())))
    }
  }

  return {
    call<A extends Api>(api: A, version: number, request: Request<A>, timeoutMs: number) {
      const requestId = api.key === AlterPartition.key ? nextRequestId() : undefined
      return ask<Response<A>>(
        api.name,
        (id, ms) =>
          call(link, api, version, id, request, {
            timeoutMs: ms,
            lane: 'control',
            ...(requestId !== undefined && { requestId }),
          }),
        (answer) => (answer as { errorCode?: number }).errorCode === errorCodes.NOT_CONTROLLER,
        timeoutMs,
        OWN_ATTEMPT_MS,
      )
    },

    async forward<A extends Api>(api: A, request: Request<A>, asker: Asker, timeoutMs: number) {
      const { apiVersion, correlationId, clientId } = asker
      const envelope: Request<typeof Envelope> = {
        requestData: Buffer.concat(
          encodeRequest(api, apiVersion, { correlationId, clientId }, request),
        ),
        requestPrincipal: principalData(asker.principal),
        clientHostAddress: addressBytes(asker.clientAddress),
      }
      const requestId = readOnly.has(api.key) ? undefined : nextRequestId()
      const { errorCode, responseData } = await ask(
        api.name,
        (id, ms) =>
          call(link, Envelope, ENVELOPE_VERSION, id, envelope, {
            timeoutMs: ms,
            lane: 'control',
            ...(requestId !== undefined && { requestId }),
          }),
        ({ errorCode }) => errorCode === errorCodes.NOT_CONTROLLER,
        Math.min(timeoutMs, FORWARDED_MS),
        FORWARDED_ATTEMPT_MS,
      )
      if (errorCode !== errorCodes.NONE || responseData === null) {
        throw new KafkaError(errorName(errorCode), `the controller refused ${api.name}`)
      }
      return decodeResponse(api, apiVersion, responseData) as Response<A>
    },
  }
}

/** The link's failures pass, or another controller takes over; 'closed' is this node's own end. */
const mayPass = (error: unknown): boolean =>
  error instanceof LinkError && error.failure !== 'closed' && error.failure !== 'refused'

/** Behind its version, as Kafka's principal serde writes it. */
function principalData(principal: string): Buffer {
  const colon = principal.indexOf(':')
  const version = Buffer.alloc(versionBytes)
  version.writeInt16BE(PRINCIPAL_VERSION)
  const content = {
    type: principal.slice(0, Math.max(0, colon)),
    name: principal.slice(colon + 1),
    tokenAuthenticated: false,
  }
  return Buffer.concat([version, encodeRecord(DefaultPrincipalData, PRINCIPAL_VERSION, content)])
}

/** An address's bytes: 4, or 16 for IPv6. */
function addressBytes(printed: string): Buffer {
  const host = printed.slice(printed.lastIndexOf('/') + 1).replace(/^::ffff:(?=\d+\.)/, '')
  const quads = host.split('.')
  if (quads.length === 4) return Buffer.from(quads.map(Number))
  const [head = '', tail] = host.split('%')[0]!.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const right = groups(tail ?? '')
  const middle = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const bytes = Buffer.alloc(16)
  const all = [...left, ...Array<string>(middle).fill('0'), ...right].slice(0, 8)
  all.forEach((group, at) => {
    const value = Number.parseInt(group, 16)
    bytes.writeUInt16BE(Number.isNaN(value) ? 0 : value & 0xffff, at * 2)
  })
  return bytes
}
