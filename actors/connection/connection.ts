/**
 * Hosts the connections of one listener: frames become requests, handlers are asked, and answers
 * leave in the order of the requests (W3).
 *
 * As in Kafka, requests of a connection are worked on one after the other, except Produce: its
 * batches are appended in order before the handler returns, so the next may begin while it still
 * waits for replication. What cannot be read, and an api or version that is not offered, closes the
 * connection with one log line (ApiVersions in a version we do not know is answered). Unlike Kafka
 * we take bytes behind the last field for malformed, too.
 *
 * The chart hears only of bounds that are reached and of the end; a request does not touch it.
 */
import { type ActorRefFrom, createActor, type InspectionEvent } from 'xstate'
import { connection } from '../../machines/connection.ts'
import {
  decodeRequest,
  encodeResponse,
  framed,
  type PeekedHeader,
  peekRequestHeader,
  type Request,
  type Response,
} from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import type { Accept, Socket, SocketEvents } from '../../transport/tcp/socket.ts'
import { unsupportedApiVersions } from '../apis/18-api-versions.ts'
import type { Asker, Handler } from '../apis/handler.ts'
import { InvariantError, invariant } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import { createDeparture } from './departure.ts'
import { type HandlerTable, offers } from './dispatch.ts'
import type { Unread } from './unread.ts'

export type ConnectionsOf<Host> = {
  table: HandlerTable<Host>
  host: Host
  listenerName: string
  clock: Clock
  log: Logger
  /** Of all listeners of the node. */
  unread: Unread
  /** A broken invariant ends the node. */
  halt: (why: unknown) => void
  inspect?: (event: InspectionEvent) => void
}

/** What one connection may keep waiting; one request or answer above it still makes progress. */
const bounds = {
  requests: 256,
  requestBytes: 16 * 1024 * 1024,
  answerBytes: 4 * 1024 * 1024,
} as const

const produceKey = 0

type Asked = { header: PeekedHeader; frame: Buffer }

/** A request that is being worked on, or whose answer waits for those before it. */
type Open = { key: number; bytes: number; answer: Buffer[] | undefined; isDone: boolean }

type Row = {
  socket: Socket
  actor: ActorRefFrom<typeof connection>
  /** In the order of their requests. */
  open: Open[]
  /** Not begun yet. */
  waiting: Asked[]
  requestBytes: number
  isCongested: boolean
  isDraining: boolean
  readonly departure: ReturnType<typeof createDeparture>
  readonly hangUp: (why: string) => void
  software: { name: string; version: string } | undefined
}

export function hostConnections<Host>(of: ConnectionsOf<Host>) {
  const { table, host, listenerName, clock, log, halt, unread, inspect } = of
  const rows = new Map<string, Row>()

  const rowOf = (connectionId: string): Row | undefined => rows.get(connectionId)
  const chart = connection.provide({
    actions: {
      pauseReading: ({ context }) => rowOf(context.connectionId)?.socket.pause(),
      resumeReading: ({ context }) => rowOf(context.connectionId)?.socket.resume(),
      endSocket: ({ context }) => rowOf(context.connectionId)?.socket.end(),
      destroySocket: ({ context }) => rowOf(context.connectionId)?.socket.destroy(),
      dropOpenRequests: ({ context }) => forget(context.connectionId),
      logAbuse: ({ context: { connectionId } }, { why }) =>
        log.warn({ connectionId, listenerName, why }, 'connection closed: malformed request'),
      logFailure: ({ context: { connectionId } }, { why }) =>
        log.warn({ connectionId, listenerName, why }, 'connection closed: no answer can be given'),
      unexpected: ({ event }) => invariant(false, 'X1: a connection knows its events', event),
    },
  })

  const accept: Accept = (socket) => {
    const input = { connectionId: socket.id }
    const actor = createActor(chart, {
      input,
      clock,
      id: socket.id,
      ...(inspect && { inspect }),
    })
    actor.subscribe({ error: halt })
    const row: Row = {
      socket,
      actor,
      open: [],
      waiting: [],
      requestBytes: 0,
      isCongested: false,
      isDraining: false,
      departure: createDeparture(),
      hangUp: (why) => close(row, 'failed', why),
      software: undefined,
    }
    rows.set(socket.id, row)
    unread.opened(socket)
    actor.start()
    return eventsOf(row)
  }

  const eventsOf = (row: Row): SocketEvents => ({
    frame: (frame) => receive(row, frame),
    drained() {
      unread.drained(row.socket)
      proceed(row)
    },
    malformed: (why) => close(row, 'malformed', why),
    closed() {
      if (isLive(row)) row.actor.send({ type: 'disconnected' })
    },
  })

  function receive(row: Row, frame: Buffer): void {
    let header: PeekedHeader
    try {
      header = peekRequestHeader(frame)
    } catch (error) {
      close(row, 'malformed', wordsOf(error))
      return
    }
    row.requestBytes += frame.length
    row.waiting.push({ header, frame })
    proceed(row)
  }

  /** Begins what may begin; what was answered at once leaves at once. */
  function proceed(row: Row): void {
    while (
      row.waiting.length > 0 &&
      isReading(row) &&
      mayBegin(row, row.waiting[0]!) &&
      isLive(row)
    ) {
      begin(row, row.waiting.shift()!)
    }
    weigh(row)
  }

  function begin(row: Row, { header, frame }: Asked): void {
    const { apiKey, apiVersion } = header
    const open: Open = { key: apiKey, bytes: frame.length, answer: undefined, isDone: false }
    row.open.push(open)
    const handler = table.get(apiKey)
    if (handler === undefined) close(row, 'malformed', `api ${apiKey} is not offered`)
    else if (offers(handler, apiVersion)) ask(row, open, handler, { header, frame })
    else if (handler.api !== ApiVersions) {
      close(row, 'malformed', `${handler.api.name} v${apiVersion} is not offered`)
    } else {
      open.answer = encodeResponse(ApiVersions, 0, header.correlationId, unsupportedApiVersions())
      finish(row, open)
    }
  }

  function ask(row: Row, open: Open, handler: Handler<Host>, { header, frame }: Asked): void {
    const { api } = handler
    const { apiVersion, correlationId } = header
    let request: Request<typeof api>
    try {
      request = decodeRequest(api, header, frame)
    } catch (error) {
      close(row, 'malformed', `${api.name} v${apiVersion}: ${wordsOf(error)}`)
      return
    }
    const surprise = (error: unknown): void => {
      if (error instanceof InvariantError) halt(error)
      else close(row, 'failed', `${api.name} v${apiVersion}: ${wordsOf(error)}`)
    }
    const give = (answer: Response<typeof api> | undefined): void => {
      if (!isLive(row)) return
      if (answer !== undefined) {
        open.answer = encodeResponse(api, apiVersion, correlationId, answer)
        if (api === ApiVersions) noteSoftware(row, request, answer)
      }
      finish(row, open)
    }
    try {
      const answer = handler.answer(request, askerOf(row, header), host, log)
      if (!(answer instanceof Promise)) give(answer)
      else {
        const later = answer.then((given) => {
          give(given)
          if (isLive(row)) proceed(row)
        })
        later.catch(surprise)
      }
    } catch (error) {
      surprise(error)
    }
  }

  /** Sends what is answered, up to the first request that is not. */
  function finish(row: Row, done: Open): void {
    done.isDone = true
    while (row.open[0]?.isDone) {
      const { answer, bytes } = row.open.shift()!
      row.requestBytes -= bytes
      if (answer !== undefined) send(row, framed(answer))
    }
    if (row.isDraining && row.open.length === 0) row.actor.send({ type: 'settled' })
  }

  function send(row: Row, chunks: Buffer[]): void {
    unread.wrote(chunks.reduce((sum, { length }) => sum + length, 0))
    row.socket.write(chunks)
  }

  /** Tells the chart when a bound is reached, and when there is room again. */
  function weigh(row: Row): void {
    const isCongested =
      row.open.length + row.waiting.length >= bounds.requests ||
      row.requestBytes >= bounds.requestBytes ||
      !isReading(row)
    if (isCongested === row.isCongested || !isLive(row)) return
    row.isCongested = isCongested
    row.actor.send({ type: isCongested ? 'congested' : 'relieved' })
  }

  /** What still waits for the client, a request's bytes included, goes with it. */
  function forget(connectionId: string): void {
    const row = rowOf(connectionId)
    if (row === undefined) return
    rows.delete(connectionId)
    unread.closed(row.socket)
    row.waiting = []
    row.open = []
    row.departure.over()
  }

  const isLive = (row: Row): boolean => rows.get(row.socket.id) === row

  function close(row: Row, type: 'malformed' | 'failed', why: string): void {
    if (isLive(row)) row.actor.send({ type, why })
  }

  const askerOf = (row: Row, header: PeekedHeader): Asker => ({
    apiVersion: header.apiVersion,
    correlationId: header.correlationId,
    clientId: header.clientId,
    principal: 'User:ANONYMOUS',
    clientAddress: `/${row.socket.remoteAddress}`,
    listenerName,
    connectionId: row.socket.id,
    departure: row.departure,
    bytesLeft: unread.bytesLeft,
    hangUp: row.hangUp,
    clientSoftwareName: row.software?.name,
    clientSoftwareVersion: row.software?.version,
  })

  return {
    accept,
    /** Begins no more requests, answers those that are open, and ends each connection then. */
    drain(): void {
      for (const row of [...rows.values()]) {
        row.isDraining = true
        row.waiting = []
        row.actor.send({ type: 'drain' })
        if (row.open.length === 0) row.actor.send({ type: 'settled' })
      }
    },
    count: (): number => rows.size,
  }
}

/** What it was sent before is not all in our memory still. */
const isReading = ({ socket }: Row): boolean => socket.pendingBytes() < bounds.answerBytes

/** Produce may begin while others of its kind wait for replication; all else waits its turn. */
const mayBegin = ({ open }: Row, { header }: Asked): boolean =>
  open.length === 0 || (header.apiKey === produceKey && open[0]!.key === produceKey)

/** What the client calls itself counts when ApiVersions has found nothing wrong with it. */
function noteSoftware(row: Row, request: unknown, answer: unknown): void {
  const { clientSoftwareName: name, clientSoftwareVersion: version } = request as Software
  const { errorCode } = answer as Response<typeof ApiVersions>
  if (errorCode === errorCodes.NONE && name !== '') row.software = { name, version }
}
type Software = Request<typeof ApiVersions>

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
