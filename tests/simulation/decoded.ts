/** What goes between nodes, as its receiver reads it. */
import { headOf } from '../../transport/links/rpc.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { decodeChunks, decoder } from '../../transport/protocol/codec.ts'

export function requestOf<A extends Api>(api: A, request: Buffer): Request<A> {
  const { version, bytes } = headOf(request)
  return decoder(api.request, version)(request, bytes) as Request<A>
}

export const answerOf = <A extends Api>(api: A, request: Buffer, answer: Buffer): Response<A> =>
  decodeChunks(api.response, headOf(request).version, [answer]) as Response<A>
