/**
 * What a file of `actors/apis/` exports: one API, the versions that are offered, and how a request
 * is answered. Over TCP and over a link alike; who asks stands in the `Asker`.
 *
 * A refusal (`KafkaError`) and a surprise both end in the API's own error answer, so that a failing
 * request harms itself alone (X4). Only a broken invariant passes through: it ends the node.
 */
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, KafkaError } from '../../transport/protocol/errors.ts'
import type { Departure } from '../connection/departure.ts'
import { InvariantError } from '../invariant.ts'
import type { Logger } from '../log.ts'
import { StorageError } from '../ports/log.ts'

/** Who sent a request, as far as Kafka cares: header, principal and where the connection came in. */
export type Asker = {
  apiVersion: number
  correlationId: number
  clientId: string | null
  /** `User:ANONYMOUS` on a plaintext listener. */
  principal: string
  /** As Kafka prints a host: `/127.0.0.1`. */
  clientAddress: string
  listenerName: string
  connectionId: string
  /** From ApiVersions v3+ of the same connection. */
  clientSoftwareName?: string
  clientSoftwareVersion?: string
  /** Of its connection; absent: it did not come over one of a client's. */
  departure?: Departure
  /** How much an answer may carry now beyond what makes progress; absent: as much as it asks for. */
  bytesLeft?: () => number
  /** Ends its connection, as the only way to tell who wants no answer; absent: it did not come over one. */
  hangUp?: (why: string) => void
  /** A broker passed it on in an Envelope; the rest describes the client. */
  forwarded?: boolean
}

/** Lowest and highest, inclusive. */
export type Versions = readonly [lowest: number, highest: number]

/** undefined: no answer is sent (Produce with acks=0). */
type Answer<A extends Api> = Response<A> | undefined

/** A handler as a table holds it: the types of one API are checked where it is declared. */
export type Handler<Host> = {
  readonly api: Api
  readonly versions: Versions
  /**
   * A handler that answers at once is answered at once: no promise stands on the hot path.
   * @throws InvariantError, and whatever `failed` throws; a promise rejects with the same
   */
  answer(
    request: Request<Api>,
    asker: Asker,
    host: Host,
    log: Logger,
  ): Answer<Api> | Promise<Answer<Api>>
}

/**
 * @param failed the API's answer when nothing of the request was done: its error in every place
 *   where the API has one. `message` is null when the API should not tell what happened.
 */
export function handler<A extends Api, Host>(
  api: A,
  versions: Versions,
  handle: (
    request: Request<A>,
    asker: Asker,
    host: Host,
    log: Logger,
  ) => Answer<A> | Promise<Answer<A>>,
  failed: (
    request: Request<A>,
    error: ErrorName,
    message: string | null,
    asker: Asker,
  ) => Answer<A>,
): Handler<Host> {
  const fail = (request: Request<A>, asker: Asker, error: unknown, log: Logger): Answer<A> => {
    const { code, message } = asRefusal(error, api.name, asker, log)
    return failed(request, code, message, asker)
  }
  return {
    api,
    versions,
    answer(ofAnyApi, asker, host, log) {
      const request = ofAnyApi as Request<A>
      try {
        const answer = handle(request, asker, host, log)
        if (!(answer instanceof Promise)) return answer
        return answer.catch((error: unknown) => fail(request, asker, error, log))
      } catch (error) {
        return fail(request, asker, error, log)
      }
    },
  }
}

type Refusal = { code: ErrorName; message: string | null }

/** What the protocol did not foresee is logged here, once; the client learns no more than its code. */
function asRefusal(error: unknown, api: string, asker: Asker, log: Logger): Refusal {
  if (error instanceof InvariantError) throw error
  if (error instanceof KafkaError) return { code: error.code, message: error.message }
  const code = error instanceof StorageError ? 'KAFKA_STORAGE_ERROR' : 'UNKNOWN_SERVER_ERROR'
  const { apiVersion, correlationId, clientId, connectionId } = asker
  log.error(
    { err: error, api, apiVersion, correlationId, clientId, connectionId },
    'request failed unexpectedly',
  )
  return { code, message: null }
}
