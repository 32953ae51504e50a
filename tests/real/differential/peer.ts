/**
 * One of the two clusters that are asked the same: a connection that speaks by our own codec, and the
 * transcript of what was answered.
 *
 * A request is given in part: what a version lacks is left out, what is not given is absent. So one
 * scenario serves all versions of an api.
 */
import { connect, type Socket } from 'node:net'
import {
  type Api,
  decodeResponse,
  encodeRequest,
  framed,
  peekCorrelationId,
  type Request,
  type Response,
} from '../../../transport/protocol/api.ts'
import {
  absentOf,
  isNullable,
  type Node,
  nodeOf,
  placeOf,
  type Struct,
} from '../../../transport/protocol/schema.ts'
import { frameReader } from '../../../transport/tcp/frames.ts'
import { type Plain, plain, type Symbols, symbols } from './normalise.ts'

export type Part<T> = T extends Buffer
  ? T
  : T extends (infer E)[]
    ? Part<E>[]
    : T extends object
      ? { [K in keyof T]?: Part<T[K]> }
      : T

export type Entry = { what: string; answer: Plain }

/** What a connection gave: a frame, or why there is none. */
type Outcome = Buffer | 'closed' | 'silence'

export type Peer = {
  readonly name: string
  /** Asks, and keeps the answer in the transcript. Without an answer: everything absent. */
  ask<A extends Api>(of: A, version: number, request: Part<Request<A>>): Promise<Response<A>>
  /** Asks beside the transcript: what has to be done for a scenario. */
  quietly<A extends Api>(of: A, version: number, request: Part<Request<A>>): Promise<Response<A>>
  /** Sends a frame as it is; the transcript says what came back. */
  raw(what: string, frame: Buffer): Promise<Outcome>
  /** Remarks in the transcript. */
  note(what: string, value: Plain): void
  /** Another connection, the same transcript. */
  another(clientId?: string): Peer
  close(): void
  /** What was noted since the last call. */
  transcript(): Entry[]
}

const answerTimeoutMs = 8_000

/** Everything that the version can carry and the part does not give is absent. */
export function whole(of: Node, part: unknown, version: number): unknown {
  if (placeOf(of, version) === 'lacking' || part === undefined) return absentOf(of)
  if (part === null) return isNullable(of, version) ? null : absentOf(of)
  if (of.type === 'array') return (part as unknown[]).map((one) => whole(of.of, one, version))
  if (of.type === 'struct') return wholeStruct(of.fields, part as Record<string, unknown>, version)
  return part
}

const wholeStruct = (fields: Struct, part: Record<string, unknown>, version: number) =>
  Object.fromEntries(
    Object.entries(fields).map(([name, schema]) => [
      name,
      whole(nodeOf(schema), part[name], version),
    ]),
  )

type Line = { socket: Socket; waiting: ((outcome: Outcome) => void)[] }

type Shared = { name: string; port: number; entries: Entry[]; seen: Symbols; open: Set<Peer> }

export function peerAt(name: string, port: number): Peer {
  return connection(
    { name, port, entries: [], seen: symbols(port), open: new Set() },
    'differential',
  )
}

function connection(shared: Shared, clientId: string): Peer {
  let line: Line | undefined
  let correlationId = 0

  function dial(): Promise<Line> {
    if (line !== undefined) return Promise.resolve(line)
    return new Promise((resolve, reject) => {
      const waiting: Line['waiting'] = []
      const reader = frameReader(128 * 1024 * 1024)
      const opened = connect(shared.port, '127.0.0.1', () => {
        line = { socket: opened, waiting }
        resolve(line)
      })
      opened.on('error', reject)
      opened.on('data', (chunk: Buffer) => {
        reader.push(chunk)
        for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
          waiting.shift()?.(frame)
        }
      })
      opened.on('close', () => {
        if (line?.socket === opened) line = undefined
        for (const told of waiting.splice(0)) told('closed')
      })
    })
  }

  async function exchange(frame: Buffer[], timeoutMs: number): Promise<Outcome> {
    const { socket, waiting } = await dial()
    return new Promise((resolve) => {
      const told = (outcome: Outcome) => {
        clearTimeout(timer)
        resolve(outcome)
      }
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(told), 1)
        resolve('silence')
        socket.destroy()
      }, timeoutMs)
      waiting.push(told)
      socket.write(Buffer.concat(framed(frame)))
    })
  }

  async function answer<A extends Api>(of: A, version: number, request: Part<Request<A>>) {
    const message = whole(nodeOf(of.request.struct), request, version) as Request<A>
    const frame = encodeRequest(of, version, { correlationId: ++correlationId, clientId }, message)
    const outcome = await exchange(frame, answerTimeoutMs)
    if (typeof outcome === 'string') return { outcome, response: nothing(of) }
    if (peekCorrelationId(outcome) !== correlationId) throw new Error('an answer out of order')
    return { outcome: undefined, response: decodeResponse(of, version, outcome) }
  }

  const nothing = <A extends Api>(of: A) => absentOf(nodeOf(of.response.struct)) as Response<A>

  const peer: Peer = {
    name: shared.name,
    async ask(of, version, request) {
      const { outcome, response } = await answer(of, version, request)
      const value = outcome ?? plain(nodeOf(of.response.struct), response, shared.seen)
      shared.entries.push({ what: `${of.name} v${version}`, answer: value })
      return response
    },
    async quietly(of, version, request) {
      const { outcome, response } = await answer(of, version, request)
      if (outcome !== undefined)
        throw new Error(`${shared.name}, ${of.name} v${version}: ${outcome}`)
      return response
    },
    async raw(what, frame) {
      const outcome = await exchange([frame], 3_000)
      const value = typeof outcome === 'string' ? outcome : outcome.toString('hex')
      shared.entries.push({ what, answer: value })
      return outcome
    },
    note(what, value) {
      shared.entries.push({ what, answer: value })
    },
    another(other = clientId) {
      const opened = connection(shared, other)
      shared.open.add(opened)
      return opened
    },
    close() {
      line?.socket.destroy()
      line = undefined
      for (const other of shared.open) {
        shared.open.delete(other)
        other.close()
      }
    },
    transcript() {
      shared.seen.forget()
      return shared.entries.splice(0)
    },
  }
  return peer
}
