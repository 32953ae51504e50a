/**
 * Kafka's RPCs between nodes: the version as int16, then the body as Kafka encodes it; the answer
 * is the body alone, in the same version. Headers stay away: the link knows who asks and for how long.
 */
import type { Api, Request, Response } from '../protocol/api.ts'
import { decodeChunks, decoder, encoder } from '../protocol/codec.ts'
import { DecodeError, refuse } from '../protocol/errors.ts'
import type { Endpoint, Link, RequestOptions } from './link.ts'

const versionBytes = 2

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
  options: RequestOptions,
): Promise<Response<A>> {
  const head = Buffer.allocUnsafe(versionBytes)
  head.writeInt16BE(version)
  const chunks = [head, ...encoder(api.request, version)(request)]
  const answer = await link.request(to, api.name, chunks, options)
  return decodeChunks(api.response, version, answer) as Response<A>
}

/** What is asked, in which version and by whom. */
export type Called = { version: number; from: Endpoint }

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
    if (message.length < versionBytes) throw new DecodeError(`${api.name}: no version`)
    const version = message.readInt16BE(0)
    if (version < lowest || version > highest) {
      refuse('UNSUPPORTED_VERSION', `${api.name} v${version} is not served`)
    }
    const request = decoder(api.request, version)(message, versionBytes) as Request<A>
    const encode = encoder(api.response, version)
    const answer = handle(request, { version, from })
    return answer instanceof Promise ? answer.then(encode) : encode(answer)
  })
}
