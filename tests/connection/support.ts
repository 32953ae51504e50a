/** A connection host behind a real listener, with handlers that tests control, and a raw client. */
import { connect, type Socket } from 'node:net'
import { apiVersions } from '../../actors/apis/18-api-versions.ts'
import { type Asker, type Handler, handler } from '../../actors/apis/handler.ts'
import { hostConnections } from '../../actors/connection/connection.ts'
import { type HandlerTable, handlerTable } from '../../actors/connection/dispatch.ts'
import { createUnread } from '../../actors/connection/unread.ts'
import type { Logger } from '../../actors/log.ts'
import type { Clock } from '../../actors/ports/clock.ts'
import { type Api, encodeRequest, framed, type Request } from '../../transport/protocol/api.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { FindCoordinator } from '../../transport/schemas/10-find-coordinator.ts'
import { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import { frameReader } from '../../transport/tcp/frames.ts'
import { type ListenerLimits, tcpListener } from '../../transport/tcp/listener.ts'
import { realClock } from '../links/clock.ts'

export type Line = { level: string; message: string; fields: Record<string, unknown> }

export function loggedTo(lines: Line[]): Logger {
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, message, fields: fields as Record<string, unknown> })
  }
  const log: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  }
  return log
}

export const clock: Clock = { ...realClock, now: () => Date.now() }

/** Handlers do what a test says: Heartbeat answers when it is released, FindCoordinator at once. */
export type World = {
  askers: Asker[]
  begun: string[]
  /** Ends the oldest Heartbeat or Produce that is held. */
  held: (() => void)[]
  heartbeat: () => void
}

type Host = World & {
  supportedFeatures(): { name: string; minVersion: number; maxVersion: number }[]
  finalizedFeatures(): {
    epoch: number
    features: { name: string; minVersionLevel: number; maxVersionLevel: number }[]
  }
}

const hold = <T>(host: World, value: T): Promise<T> =>
  new Promise((resolve) => host.held.push(() => resolve(value)))

const find = handler(
  FindCoordinator,
  [0, 6],
  ({ key }, asker, host: Host) => {
    host.begun.push(`find ${key}`)
    host.askers.push(asker)
    if (key === 'refused') refuse('GROUP_AUTHORIZATION_FAILED', 'not this group')
    if (key === 'surprise') throw new Error('a bug')
    return found(0, key === 'big' ? 'x'.repeat(30_000) : key)
  },
  (_, error) => found(error === 'UNKNOWN_SERVER_ERROR' ? -1 : 30, error),
)

const found = (errorCode: number, errorMessage: string) => ({
  throttleTimeMs: 0,
  errorCode,
  errorMessage,
  nodeId: 1,
  host: 'localhost',
  port: 9092,
  coordinators: [],
})

const heartbeat = handler(
  Heartbeat,
  [0, 4],
  ({ groupId }, _, host: Host) => {
    host.begun.push(`heartbeat ${groupId}`)
    host.heartbeat()
    return hold(host, { throttleTimeMs: 0, errorCode: 0 })
  },
  () => ({ throttleTimeMs: 0, errorCode: -1 }),
)

const produce = handler(
  Produce,
  [3, 13],
  ({ acks, timeoutMs }, _, host: Host) => {
    host.begun.push(`produce ${timeoutMs}`)
    return acks === 0
      ? undefined
      : hold(host, { responses: [], throttleTimeMs: 0, nodeEndpoints: [] })
  },
  () => ({ responses: [], throttleTimeMs: 0, nodeEndpoints: [] }),
)

export async function serve(changed: Partial<ListenerLimits> = {}) {
  const lines: Line[] = []
  const halts: unknown[] = []
  const log = loggedTo(lines)
  const host: Host = {
    askers: [],
    begun: [],
    held: [],
    heartbeat: () => {},
    supportedFeatures: () => [
      { name: 'kraft.version', minVersion: 0, maxVersion: 1 },
      { name: 'metadata.version', minVersion: 7, maxVersion: 30 },
    ],
    finalizedFeatures: () => ({
      epoch: 5,
      features: [
        { name: 'metadata.version', minVersionLevel: 30, maxVersionLevel: 30 },
        { name: 'group.version', minVersionLevel: 0, maxVersionLevel: 0 },
      ],
    }),
  }
  const table: HandlerTable<Host> = handlerTable<Host>([
    find,
    heartbeat,
    produce,
    apiVersions((): Iterable<Handler<Host>> => table.values()),
  ])
  const listenerName = 'PLAINTEXT'
  const halt = (why: unknown) => halts.push(why)
  const unread = createUnread({ clock, log, bytesMax: () => 100 * 1024 * 1024 })
  const connections = hostConnections({ table, host, listenerName, clock, log, halt, unread })
  const limits = {
    requestBytesMax: 1024 * 1024,
    connectionsMax: 100,
    connectionsPerIpMax: () => 100,
    idleMs: 600_000,
    ...changed,
  }
  const listener = tcpListener(
    { host: '127.0.0.1', port: 0, clock, log, limits: () => limits },
    connections.accept,
  )
  const { port } = await listener.listen()
  const clients: Client[] = []
  return {
    host,
    lines,
    halts,
    connections,
    listener,
    limits,
    port,
    async client(): Promise<Client> {
      const made = await client(port)
      clients.push(made)
      return made
    },
    async close() {
      for (const { socket } of clients) socket.destroy()
      await listener.close()
    },
  }
}

export type Client = Awaited<ReturnType<typeof client>>

/** Sends raw bytes or requests; hands out answer frames in the order they arrive. */
export async function client(port: number) {
  const socket = await new Promise<Socket>((resolve, reject) => {
    const dialed = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(dialed))
    dialed.once('error', reject)
  })
  const reader = frameReader(100 * 1024 * 1024)
  const frames: Buffer[] = []
  const waiting: ((frame: Buffer | 'closed') => void)[] = []
  let closed = false
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    reader.push(chunk)
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      const next = waiting.shift()
      if (next === undefined) frames.push(frame)
      else next(frame)
    }
  })
  socket.on('close', () => {
    closed = true
    for (const next of waiting.splice(0)) next('closed')
  })
  return {
    socket,
    raw: (bytes: Buffer) => socket.write(bytes),
    ask<A extends Api>(api: A, version: number, correlationId: number, request: Request<A>) {
      const header = { correlationId, clientId: 'a test' }
      socket.write(Buffer.concat(framed(encodeRequest(api, version, header, request))))
    },
    /** The next answer, or that there will be none. */
    next: (): Promise<Buffer | 'closed'> => {
      const frame = frames.shift()
      if (frame !== undefined) return Promise.resolve(frame)
      if (closed) return Promise.resolve('closed')
      return new Promise((resolve) => waiting.push(resolve))
    },
  }
}

export const correlationOf = (frame: Buffer | 'closed'): number | 'closed' =>
  frame === 'closed' ? frame : frame.readInt32BE(0)

export async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2))
}
