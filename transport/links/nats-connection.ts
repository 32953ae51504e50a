/**
 * One connection to a NATS server that heals itself for ever; no other file imports `nats`.
 *
 * nats.js gives up after ten attempts, waits two seconds between them, finds a half-open connection
 * after minutes and sends late what was published while it was away, unless told otherwise: here it
 * is told, and nothing is published while the connection is down.
 *
 * The `nats` package brings its own timers and sockets: this is real time, never simulated.
 */
import type { ConnectionOptions, NatsConnection, Status } from 'nats'
import type { Timers } from '../timers.ts'
import { LinkError } from './link.ts'
import { destroySocket, endGivenUpDials, endLastDial } from './nats-sockets.ts'

/** Samsa's `nats.*` configuration. */
export type NatsOptions = {
  servers: string[]
  user?: string
  pass?: string
  token?: string
  /** The text of a `.creds` file. */
  creds?: string
  tls?: { caFile?: string; certFile?: string; keyFile?: string; handshakeFirst?: boolean }
}

export type NatsMessage = {
  subject: string
  data: Buffer
  reply: string
  /** The server says that nobody listens where the request went. */
  noResponders: boolean
}

type Subscribed = { subject: string; deliver: (message: NatsMessage) => void }

export type ConnectionState = {
  clock: Timers
  /** Shown by the server's monitoring. */
  name: string
  onChange: (up: boolean) => void
  /** A sentence for the log: why it cannot connect, which permission is missing. */
  onTrouble: (what: string) => void
}

/** What the link needs of a server: a simulation has its own. */
export type Connection = ReturnType<typeof natsConnection>
export type Connect = (state: ConnectionState) => Connection

const reconnectWaitMs = 30
/** The wait, its jitter, and what dialling and subscribing take. */
export const reconnectMs = 100
const firstConnectWaitMs = 200
const pingIntervalMs = 1_000
const dialTimeoutMs = 2_000
/** How long a stale socket may take to close by itself. */
const staleSocketMs = 200

export function natsConnection(options: NatsOptions, state: ConnectionState) {
  const { clock, onChange, onTrouble } = state
  const subscriptions: Subscribed[] = []
  /** The server took these away, for want of a permission: they are asked for after each reconnect. */
  const lost = new Set<Subscribed>()
  let connection: NatsConnection | undefined
  let up = false
  let closed = false

  const change = (now: boolean): void => {
    if (up === now || (now && closed)) return
    up = now
    onChange(now)
  }

  /** Dials until a server is there; a refusal that time does not heal is thrown. */
  async function dial(): Promise<NatsConnection> {
    const nats = await import('nats')
    const settings = toConnectionOptions(options, state.name, nats.credsAuthenticator)
    for (let told = false; ; told = true) {
      try {
        return await nats.connect(settings)
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        if (closed) throw new LinkError('closed', 'this link was closed before it was connected')
        if (isFinal(error)) throw new Error(`NATS at ${options.servers} refuses us: ${why}`)
        if (!told) onTrouble(`no NATS server at ${options.servers} yet (${why}); trying on`)
        await new Promise<void>((resolve) => clock.setTimeout(resolve, firstConnectWaitMs))
      }
    }
  }

  function listen(live: NatsConnection, subscribed: Subscribed): void {
    const { subject, deliver } = subscribed
    live.subscribe(subject, {
      callback(error, { subject: on, data, reply = '', headers }) {
        if (error !== null) {
          lost.add(subscribed)
          onTrouble(`${subject}: ${error.message}`)
          return
        }
        const noResponders = data.length === 0 && headers?.code === 503
        const bytes = Buffer.from(data.buffer, data.byteOffset, data.length)
        deliver({ subject: on, data: bytes, reply, noResponders })
      },
    })
  }

  /** Until the server took our subscriptions; when it goes away meanwhile, its successor. */
  async function subscribed(live: NatsConnection): Promise<void> {
    const ended = live.closed().then(() => false)
    while (!live.isClosed()) {
      const flushed = live.flush().then(
        () => true,
        () => false,
      )
      if (await Promise.race([flushed, ended])) return
    }
    throw new LinkError('closed', 'this link was closed before it was connected')
  }

  async function watch(live: NatsConnection): Promise<void> {
    for await (const status of live.status()) {
      if (status.type === 'disconnect') change(false)
      else if (status.type === 'reconnect') {
        const again = [...lost]
        lost.clear()
        for (const subscribed of again) listen(live, subscribed)
        change(true)
      } else if (status.type === 'error') onTrouble(describe(status))
      else if (status.type === 'staleConnection') {
        change(false)
        clock.setTimeout(() => destroySocket(live), staleSocketMs)
      }
    }
  }

  return {
    /** Before `connect`. */
    subscribe(subject: string, deliver: (message: NatsMessage) => void): void {
      subscriptions.push({ subject, deliver })
    },
    async connect(): Promise<void> {
      const live = await dial()
      if (closed) {
        await live.close()
        throw new LinkError('closed', 'this link was closed before it was connected')
      }
      connection = live
      endGivenUpDials(live)
      void watch(live)
      void live.closed().then((error) => {
        change(false)
        if (!closed) onTrouble(`the NATS client gave up: ${error?.message ?? 'no reason given'}`)
      })
      for (const subscription of subscriptions) listen(live, subscription)
      await subscribed(live)
      change(true)
    },
    /** @returns false when it was not sent: the connection is down, or the payload too big for it */
    publish(subject: string, payload: Buffer, reply?: string): boolean {
      if (!up || connection === undefined) return false
      try {
        connection.publish(subject, payload, reply === undefined ? {} : { reply })
        return true
      } catch (error) {
        onTrouble(`${subject}: ${error instanceof Error ? error.message : error}`)
        return false
      }
    },
    /** What the server at hand takes at most. */
    maxPayload: (): number => connection?.info?.max_payload ?? 1024 * 1024,
    isUp: (): boolean => up,
    async close(): Promise<void> {
      closed = true
      change(false)
      if (connection === undefined) return
      await connection.close()
      endLastDial(connection)
    },
  }
}

function toConnectionOptions(
  { servers, user, pass, token, creds, tls }: NatsOptions,
  name: string,
  credsAuthenticator: typeof import('nats').credsAuthenticator,
): ConnectionOptions {
  const settings: ConnectionOptions & { ignoreAuthErrorAbort: boolean } = {
    servers,
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: reconnectWaitMs,
    reconnectJitter: reconnectWaitMs,
    reconnectJitterTLS: reconnectWaitMs,
    pingInterval: pingIntervalMs,
    maxPingOut: 2,
    timeout: dialTimeoutMs,
    ignoreAuthErrorAbort: true,
  }
  if (user !== undefined) Object.assign(settings, { user, pass })
  if (token !== undefined) settings.token = token
  if (tls !== undefined) settings.tls = tls
  if (creds !== undefined)
    settings.authenticator = credsAuthenticator(new TextEncoder().encode(creds))
  return settings
}

/** Wrong credentials do not become right by waiting; on a first connection they are a mistake. */
const finalCodes = new Set(['AUTHORIZATION_VIOLATION', 'BAD_AUTHENTICATION', 'BAD_CREDS', 'TLS'])

const isFinal = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && finalCodes.has(String(error.code))

const describe = ({ data, permissionContext }: Status): string =>
  permissionContext === undefined
    ? `NATS reports ${String(data)}`
    : `NATS permits no ${permissionContext.operation} on ${permissionContext.subject}`
