/**
 * One Kafka API or record type: its declaration is the codec, the type and the documentation.
 *
 * A message is a header and a body. Request headers carry key, version, correlation id and client
 * id; flexible versions add a tagged section to both headers, except that ApiVersions answers
 * with the old header always, since the asker may not know the new one (KIP-511). The four bytes
 * of length before a TCP frame are not part of it: `framed` adds them.
 */
import { type Codec, codec, decoder, encoder, isFlexible, type Versions } from './codec.ts'
import { DecodeError, refuse } from './errors.ts'
import type { Struct, Value } from './schema.ts'
import { readUvarint } from './uvarint.ts'

export type Listener = 'broker' | 'controller'

export type Declaration = {
  key: number
  name: string
  versions: Versions
  /** First flexible version; absent: none is. */
  flexible?: number
  /** The highest version may still change: offered only when asked for. */
  unstable?: boolean
  listeners: readonly Listener[]
}

export type Api<Q extends Struct = Struct, R extends Struct = Struct> = Readonly<Declaration> & {
  readonly request: Codec & { readonly struct: Q }
  readonly response: Codec & { readonly struct: R }
}

export type Request<A> = A extends Api<infer Q, Struct> ? Value<Q> : never
export type Response<A> = A extends Api<Struct, infer R> ? Value<R> : never

export const api = <Q extends Struct, R extends Struct>(
  declaration: Declaration,
  request: Q,
  response: R,
): Api<Q, R> => ({
  ...declaration,
  request: { ...codecOf(`${declaration.name} request`, declaration, request), struct: request },
  response: { ...codecOf(`${declaration.name} response`, declaration, response), struct: response },
})

const codecOf = (name: string, { versions, flexible }: Declaration, struct: Struct): Codec =>
  codec(name, struct, versions, flexible)

export type RequestHeader = {
  apiKey: number
  apiVersion: number
  correlationId: number
  clientId: string | null
}
/** A header and where it stopped reading: behind the client id. */
export type PeekedHeader = RequestHeader & { end: number }

const FIXED_HEADER_BYTES = 8
const RESPONSE_HEADER_BYTES = 4
/** ApiVersions. */
const HEADER_NEVER_FLEXIBLE = 18

/**
 * Reads what every request begins with, whatever its api and version.
 * @throws DecodeError
 */
export function peekRequestHeader(frame: Buffer): PeekedHeader {
  if (frame.length < FIXED_HEADER_BYTES + 2) throw new DecodeError('a header ends too early')
  const length = frame.readInt16BE(FIXED_HEADER_BYTES)
  const begin = FIXED_HEADER_BYTES + 2
  const end = begin + Math.max(0, length)
  if (length < -1 || end > frame.length) throw new DecodeError(`a client id of ${length} bytes`)
  return {
    apiKey: frame.readInt16BE(0),
    apiVersion: frame.readInt16BE(2),
    correlationId: frame.readInt32BE(4),
    clientId: length === -1 ? null : frame.toString('utf8', begin, end),
    end,
  }
}

/** @throws DecodeError, or KafkaError UNSUPPORTED_VERSION */
export function decodeRequest<A extends Api>(of: A, header: PeekedHeader, frame: Buffer) {
  const decode = decoder(of.request, header.apiVersion)
  const at = isFlexible(of, header.apiVersion) ? skipTags(frame, header.end) : header.end
  return decode(frame, at) as Request<A>
}

/** @throws KafkaError UNSUPPORTED_VERSION when a field is set that the version lacks */
export function encodeRequest<A extends Api>(
  of: A,
  version: number,
  header: { correlationId: number; clientId: string | null },
  message: Request<A>,
): Buffer[] {
  const encode = encoder(of.request, version)
  const clientBytes = header.clientId === null ? 0 : Buffer.byteLength(header.clientId)
  if (clientBytes > 0x7fff) refuse('INVALID_REQUEST', `a client id of ${clientBytes} bytes`)
  const tags = isFlexible(of, version) ? 1 : 0
  const head = Buffer.allocUnsafe(FIXED_HEADER_BYTES + 2 + clientBytes + tags)
  head.writeInt16BE(of.key, 0)
  head.writeInt16BE(version, 2)
  head.writeInt32BE(header.correlationId, 4)
  head.writeInt16BE(header.clientId === null ? -1 : clientBytes, FIXED_HEADER_BYTES)
  if (header.clientId !== null) head.write(header.clientId, FIXED_HEADER_BYTES + 2)
  if (tags > 0) head[head.length - 1] = 0
  return encode(message, head)
}

const hasFlexibleAnswer = (of: Api, version: number) =>
  of.key !== HEADER_NEVER_FLEXIBLE && isFlexible(of, version)

/** @throws KafkaError UNSUPPORTED_VERSION when a field is set that the version lacks */
export function encodeResponse<A extends Api>(
  of: A,
  version: number,
  correlationId: number,
  message: Response<A>,
): Buffer[] {
  const encode = encoder(of.response, version)
  const tags = hasFlexibleAnswer(of, version) ? 1 : 0
  const head = Buffer.allocUnsafe(RESPONSE_HEADER_BYTES + tags)
  head.writeInt32BE(correlationId, 0)
  if (tags > 0) head[RESPONSE_HEADER_BYTES] = 0
  return encode(message, head)
}

/** Which request a response answers. @throws DecodeError */
export const peekCorrelationId = (frame: Buffer): number => int32At(frame, 0)

/** @throws DecodeError, or KafkaError UNSUPPORTED_VERSION */
export function decodeResponse<A extends Api>(of: A, version: number, frame: Buffer) {
  const decode = decoder(of.response, version)
  int32At(frame, 0)
  const at = hasFlexibleAnswer(of, version)
    ? skipTags(frame, RESPONSE_HEADER_BYTES)
    : RESPONSE_HEADER_BYTES
  return decode(frame, at) as Response<A>
}

/** A message as TCP carries it: its length first. */
export function framed(chunks: Buffer[]): Buffer[] {
  const length = Buffer.allocUnsafe(4)
  length.writeInt32BE(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  return [length, ...chunks]
}

function int32At(frame: Buffer, at: number): number {
  if (at + 4 > frame.length) throw new DecodeError('a header ends too early')
  return frame.readInt32BE(at)
}

/** Headers have no tagged field that we know: each is stepped over. @returns where the body begins */
function skipTags(frame: Buffer, from: number): number {
  const position = { at: from }
  for (let left = readUvarint(frame, position); left > 0; left--) {
    readUvarint(frame, position)
    const size = readUvarint(frame, position)
    if (size > frame.length - position.at) {
      throw new DecodeError('a tagged field of a header is cut off')
    }
    position.at += size
  }
  return position.at
}
