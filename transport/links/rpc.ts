/**
 * Kafka's RPCs between nodes: the version as int16, then the body as Kafka encodes it; the answer
 * is the body alone, in the same version. Headers stay away: the link knows who asks and for how long.
 * Between the two may stand an int32 that the copies of one request share; a bit of the version tells.
 */
import type { Api, Request, Response } from '../protocol/api.ts'
import { decodeChunks, decoder, encoder } from '../protocol/codec.ts'
import { DecodeError, refuse } from '../protocol/errors.ts'
import type { Endpoint, Link, RequestOptions } from './link.ts'

const versionBytes = 2
const requestIdBytes = 4
/** No api has so many versions. */
const hasRequestId = 0x4000

export type CallOptions = RequestOptions & {
  /** What all copies of a request share, so that who is asked knows them; one incarnation's own. */
  requestId?: number
}

/**
 * @throws LinkError when there is no answer, KafkaError when the message does not fit the version,
 *   DecodeError when the answer cannot be read
 */
export async function call<A extends Api>(
  link: Link,
  api: A,
  version: number,
  to: number,
  request: Request<A>,
  options: CallOptions,
): Promise<Response<A>> {
  const { requestId } = options
  const head = Buffer.allocUnsafe(versionBytes + (requestId === undefined ? 0 : requestIdBytes))
  head.writeInt16BE(requestId === undefined ? version : version | hasRequestId)
  if (requestId !== undefined) head.writeInt32BE(requestId, versionBytes)
  const chunks = [head, ...encoder(api.request, version)(request)]
  const answer = await link.request(to, api.name, chunks, options)
  return decodeChunks(api.response, version, answer) as Response<A>
}

/** What stands before the body of a request. */
export type Head = { version: number; requestId: number | undefined; bytes: number }

/** @throws DecodeError where less stands there */
export function headOf(message: Buffer): Head {
  if (message.length < versionBytes) throw new DecodeError('a request without a version')
  const marked = message.readInt16BE(0)
  if (marked < 0 || (marked & hasRequestId) === 0) {
    return { version: marked, requestId: undefined, bytes: versionBytes }
  }
  const bytes = versionBytes + requestIdBytes
  if (message.length < bytes) throw new DecodeError('a request without the id that it says it has')
  return { version: marked ^ hasRequestId, requestId: message.readInt32BE(versionBytes), bytes }
}

/** What is asked, in which version and by whom. */
export type Called = { version: number; from: Endpoint; requestId?: number }

/**
 * Serves one api of a node, before its link connects. An exception reaches the link's
 * `onHandlerError`, and the asker as 'refused'.
 */
export function serveApi<A extends Api>(
  link: Link,
  api: A,
  [lowest, highest]: readonly [number, number],
  handle: (request: Request<A>, called: Called) => Response<A> | Promise<Response<A>>,
): void {
  link.serve(api.name, (message, from) => {
    const { version, requestId, bytes } = headOf(message)
    if (version < lowest || version > highest) {
      refuse('UNSUPPORTED_VERSION', `${api.name} v${version} is not served`)
    }
    const request = decoder(api.request, version)(message, bytes) as Request<A>
    const encode = encoder(api.response, version)
    const answer = handle(request, { version, from, ...(requestId !== undefined && { requestId }) })
    return answer instanceof Promise ? answer.then(encode) : encode(answer)
  })
}
