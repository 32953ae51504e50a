/**
 * Kafka's door: a TCP listener that turns sockets into whole frames, within bounds.
 *
 * `max.connections`, `max.connections.per.ip`, `connections.max.idle.ms` and
 * `socket.request.max.bytes` hold here. An idle connection is one that neither sent nor was sent
 * anything; a sweep finds it, so it may live a little longer than its time.
 */
import { once } from 'node:events'
import { createServer, type Socket as NetSocket, type Server } from 'node:net'
import type { LinkClock } from '../links/link.ts'
import { FrameError, frameReader } from './frames.ts'
import { idleSweep } from './idle-sweep.ts'
import { readingInto } from './reading-into.ts'
import type { Accept, Address, Listener, Socket, SocketEvents } from './socket.ts'

export type ListenerLimits = {
  requestBytesMax: number // socket.request.max.bytes
  connectionsMax: number // max.connections
  /** max.connections.per.ip and its overrides. */
  connectionsPerIpMax(address: string): number
  idleMs: number // connections.max.idle.ms; below 0: for ever
}

export type ListenerOptions = Address & {
  backlog?: number // socket.listen.backlog.size
  clock: LinkClock
  /** Asked for each connection, since they may change. */
  limits(): ListenerLimits
  log: { warn(fields: object, message: string): void }
}

type Row = { net: NetSocket; address: string; activeAt: number; expire(): void }

export function tcpListener(options: ListenerOptions, accept: Accept): Listener {
  const { host, port, backlog = 50, clock, limits, log } = options
  const rows = new Set<Row>()
  const perIp = new Map<string, number>()
  /** Told once when refusing begins, not for each connection of a flood. */
  let refusing = false
  let admitted = 0
  const sweep = idleSweep(rows, clock, () => limits().idleMs)
  const server = createServer({ noDelay: true, keepAlive: true, pauseOnConnect: true }, admit)

  function admit(accepted: NetSocket): void {
    const address = plainAddress(accepted.remoteAddress)
    const { connectionsMax, connectionsPerIpMax, requestBytesMax } = limits()
    const fromIp = perIp.get(address) ?? 0
    if (address === '' || rows.size >= connectionsMax || fromIp >= connectionsPerIpMax(address)) {
      if (!refusing) {
        log.warn({ address, connections: rows.size, fromIp }, 'too many connections: refusing')
      }
      refusing = true
      accepted.on('error', () => {})
      accepted.destroy()
      return
    }
    refusing = false
    const local = `${plainAddress(accepted.localAddress)}:${accepted.localPort}`
    const id = `${local}-${address}:${accepted.remotePort}-${admitted++}`
    const row = connect(accepted, { address, id, requestBytesMax, clock }, accept)
    rows.add(row)
    perIp.set(address, fromIp + 1)
    row.net.once('close', () => forget(row))
  }

  function forget(row: Row): void {
    rows.delete(row)
    const left = perIp.get(row.address)! - 1
    if (left === 0) perIp.delete(row.address)
    else perIp.set(row.address, left)
  }

  function stop(): Promise<void> {
    sweep.end()
    return new Promise((resolve) => server.close(() => resolve()))
  }

  return {
    async listen() {
      const address = await listening(server, host, port, backlog)
      sweep.begin()
      return address
    },
    connections: () => rows.size,
    stopAccepting() {
      server.close()
    },
    async close() {
      const closed = [...rows].map(({ net }) => once(net, 'close'))
      for (const { net } of rows) net.destroy()
      await Promise.all([stop(), ...closed])
    },
  }
}

type Admitted = { id: string; address: string; requestBytesMax: number; clock: LinkClock }

/** Binds one socket to its host: bytes become frames, and what one turn writes leaves together. */
function connect(accepted: NetSocket, of: Admitted, accept: Accept): Row {
  const { id, address, requestBytesMax, clock } = of
  const reader = frameReader(requestBytesMax)
  let paused = false
  let corked = false
  let over = false
  const net = readingInto(accepted, {
    buffer: reader.room,
    callback(bytes, room) {
      row.activeAt = clock.monotonic()
      if (over) return true
      reader.filled(room, bytes)
      handOn()
      return true
    },
  })
  const row: Row = {
    net,
    address,
    activeAt: clock.monotonic(),
    expire: () => void net.destroy(),
  }

  function handOn(): void {
    try {
      while (!paused && !over) {
        const frame = reader.next()
        if (frame === undefined) return
        events.frame(frame)
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      over = true
      events.malformed(error.message)
    }
  }

  function uncork(): void {
    corked = false
    net.uncork()
  }

  const socket: Socket = {
    id,
    remoteAddress: address,
    write(chunks) {
      if (!net.writable) return
      row.activeAt = clock.monotonic()
      if (!corked) {
        corked = true
        net.cork()
        endOfTurn.then(uncork)
      }
      for (const chunk of compact(chunks)) net.write(chunk)
    },
    pendingBytes: () => net.writableLength,
    pause() {
      paused = true
      net.pause()
    },
    resume() {
      if (!paused) return
      paused = false
      endOfTurn.then(() => {
        handOn()
        if (!paused) net.resume()
      })
    },
    end() {
      over = true
      net.end()
    },
    destroy() {
      over = true
      net.destroy()
    },
  }
  const events: SocketEvents = accept(socket)
  net.on('end', () => {
    if (over || !reader.isWithinFrame()) return
    over = true
    events.malformed('it ended within a frame')
  })
  net.on('drain', () => events.drained())
  net.on('error', () => {}) // 'close' follows
  net.on('close', () => {
    over = true
    events.closed()
  })
  return row
}

const endOfTurn = Promise.resolve()
const joinBelow = 4 * 1024

/** Neighbouring small chunks cost less joined than written one by one. */
function compact(chunks: Buffer[]): Buffer[] {
  const total = chunks.reduce((sum, { length }) => sum + length, 0)
  if (total <= joinBelow) return [Buffer.concat(chunks, total)]
  return chunks
}

const plainAddress = (address = ''): string =>
  address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address

function listening(server: Server, host: string, port: number, backlog: number): Promise<Address> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => reject(cannotListen(error, { host, port }))
    server.once('error', onError)
    server.listen({ host: host === '' ? undefined : host, port, backlog }, () => {
      server.off('error', onError)
      server.on('error', () => {}) // an accept that failed (no descriptors): the next one may not
      resolve({ host, port: (server.address() as { port: number }).port })
    })
  })
}

/** The system's own error stays its cause. */
function cannotListen(cause: NodeJS.ErrnoException, { host, port }: Address): Error {
  const { code, message } = cause
  const where = `${host === '' ? '*' : host}:${port}`
  if (code === 'EADDRINUSE') {
    return new Error(`${where} is in use: stop what listens there, or choose another port`, {
      cause,
    })
  }
  if (code === 'EADDRNOTAVAIL')
    return new Error(`${where} is no address of this machine`, { cause })
  if (code === 'EACCES') return new Error(`${where} may not be opened by this user`, { cause })
  return new Error(`cannot listen on ${where}: ${message}`, { cause })
}
