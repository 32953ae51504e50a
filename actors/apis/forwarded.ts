/**
 * A broker's side of an api that the active controller decides: the request goes on in an Envelope,
 * with the asker's principal and address (KIP-590), and its answer comes back as it is. A time that is
 * over before it begins is answered here, for all but those apis that Kafka gives their time anyway.
 */
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, refuse } from '../../transport/protocol/errors.ts'
import type { ControllerChannel } from '../broker/types.ts'
import { type Asker, type Handler, handler, type Versions } from './handler.ts'

export type Forwarder = { readonly controller: Pick<ControllerChannel, 'forward'> }

/** ListPartitionReassignments, UpdateFeatures. */
const untimed: ReadonlySet<number> = new Set([46, 57])

const timeoutMsMin = 1_000
const timeoutMsDefault = 30_000

/** @param timeoutMs the asker's own deadline; absent: the api has none */
export const forwarded = <A extends Api>(
  api: A,
  versions: Versions,
  failed: (
    request: Request<A>,
    error: ErrorName,
    message: string | null,
    asker: Asker,
  ) => Response<A>,
  timeoutMs: (request: Request<A>) => number = () => timeoutMsDefault,
): Handler<Forwarder> =>
  handler<A, Forwarder>(
    api,
    versions,
    (request, asker, host) => {
      const askedMs = timeoutMs(request)
      if (askedMs <= 0 && !untimed.has(api.key))
        refuse('REQUEST_TIMED_OUT', `a timeout of ${askedMs} ms is over at once`)
      return host.controller.forward(api, request, asker, Math.max(timeoutMsMin, askedMs))
    },
    failed,
  )
