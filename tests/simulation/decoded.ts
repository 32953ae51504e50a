/** What goes between nodes, as its receiver reads it. */
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { decodeChunks, decoder } from '../../transport/protocol/codec.ts'

const versionOf = (request: Buffer) => request.readInt16BE(0)

export const requestOf = <A extends Api>(api: A, request: Buffer): Request<A> =>
  decoder(api.request, versionOf(request))(request, 2) as Request<A>

export const answerOf = <A extends Api>(api: A, request: Buffer, answer: Buffer): Response<A> =>
  decodeChunks(api.response, versionOf(request), [answer]) as Response<A>
