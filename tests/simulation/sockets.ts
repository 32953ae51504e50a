/**
 * Connections of clients to simulated listeners: whole frames, or their bytes as somebody trickles
 * them, in order, each way as late as chance has it. A node that dies resets its connections; one that
 * is cut off from clients is just silent. Frames are read and idle connections ended as by the real one.
 */
import { FrameError, type FrameReader, frameReader } from '../../transport/tcp/frames.ts'
import { type Idling, idleSweep } from '../../transport/tcp/idle-sweep.ts'
import type { ListenerOptions } from '../../transport/tcp/listener.ts'
import type { Accept, Address, Listener, Socket, SocketEvents } from '../../transport/tcp/socket.ts'
import type { SeededRandom } from './random.ts'
import type { Machine, Scheduler } from './scheduler.ts'
import type { Tell } from './trace.ts'
import { must } from './violation.ts'

export type ClientSocket = {
  /** One request, without its length. */
  send(frame: Buffer): void
  /** Bytes of requests, each with its length before it; who trickles does not `send`. */
  trickle(bytes: Buffer): void
  /** false: answers stay where they are, and the node hears nothing of them being read. */
  read(isReading: boolean): void
  close(): void
}

export type ClientEvents = {
  opened(): void
  /** One answer, without its length. */
  frame(frame: Buffer): void
  closed(): void
  /** One was lost while its node was out of reach, or some of what was trickled. */
  lost?(): void
}

export type SimSockets = {
  delayMs: number
  /** Nodes that clients do not reach, nor hear. */
  unreachable: Set<number>
  listenerFor(nodeId: number, machine: Machine): (of: ListenerOptions, accept: Accept) => Listener
  connect(address: string, events: ClientEvents): ClientSocket
  /** All connections of every node break. */
  resetAll(): void
  /** That are open to a node, as it sees it. */
  connections(nodeId: number): number
  /** Those of a node that did nothing for longest, ms, and what it bears; undefined: it has none. */
  idlest(nodeId: number): { idleMs: number; idleMsMax: number } | undefined
  /** That clients hold open. */
  held(): number
  /** What a node wrote was changed before it left. */
  onChangedInFlight: () => void
}

type Bound = {
  nodeId: number
  machine: Machine
  accept: Accept
  connections: Set<Connection>
  limits: ListenerOptions['limits']
}
type Connection = Idling & { reset(): void; activeAt: number }

/** What a reader has for all, and of a frame at least and as a multiple of what arrived of it. */
const reserved = { shared: 64 * 1024, min: 1_024, times: 4 }

/** @param tell hears of each frame */
export function createSockets(scheduler: Scheduler, random: SeededRandom, tell?: Tell): SimSockets {
  const bound = new Map<string, Bound>()
  let accepted = 0
  let connected = 0
  let held = 0

  /** Delivers in order, however late each is. */
  function lane() {
    let last = 0
    return (deliver: () => void): void => {
      last = Math.max(last, scheduler.now() + 0.02 + random.exponential(sockets.delayMs))
      scheduler.after(last - scheduler.now(), deliver)
    }
  }

  function connect(address: string, events: ClientEvents): ClientSocket {
    const toServer = lane()
    const toClient = lane()
    let isClosed = false
    let at: Bound | undefined
    let server: SocketEvents | undefined
    let reader: FrameReader | undefined
    let trickled = 0
    let pending = 0
    let paused = false
    const unheard: Buffer[] = []
    let isReading = true
    const unread: (() => void)[] = []
    const id = ++connected
    held++
    const note = (event: string, from: string, to: string, fields: object) =>
      tell?.('client', { event, connection: id, from, to, ...fields })

    const isSilent = () => at !== undefined && sockets.unreachable.has(at.nodeId)
    const connection: Connection = { reset, expire: reset, activeAt: 0 }
    const active = () => {
      connection.activeAt = at!.machine.monotonic()
    }

    function reset(): void {
      at?.connections.delete(connection)
      const told = server
      server = undefined
      // Who resets may be the node itself, in the middle of something.
      if (told !== undefined) at!.machine.setTimeout(() => told.closed(), 0)
      toClient(() => {
        if (isClosed) return
        isClosed = true
        held--
        events.closed()
      })
    }

    function handOn(): void {
      while (!paused && unheard.length > 0 && server !== undefined) server.frame(unheard.shift()!)
    }

    function accept(found: Bound): void {
      found.connections.add(connection)
      active()
      reader = frameReader(found.limits().requestBytesMax)
      const index = accepted++
      const socket: Socket = {
        id: `${address}-10.0.0.1:${40_000 + index}-${index}`,
        remoteAddress: '10.0.0.1',
        write(chunks) {
          if (server === undefined) return
          active()
          const whole = Buffer.concat(chunks)
          const frame = whole.subarray(4)
          pending += frame.length
          const told = tell && answerFields(frame)
          if (told) note('sent', address, 'client', told)
          const arrive = () => {
            pending -= frame.length
            if (pending === 0) server?.drained()
            if (!Buffer.concat(chunks).equals(whole)) sockets.onChangedInFlight()
            if (isClosed) return
            if (isSilent()) {
              events.lost?.()
              return
            }
            if (told) note('arrived', address, 'client', told)
            events.frame(frame)
          }
          toClient(() => {
            if (isReading && unread.length === 0) arrive()
            else unread.push(arrive)
          })
        },
        pendingBytes: () => pending,
        pause() {
          paused = true
        },
        resume() {
          if (!paused) return
          paused = false
          found.machine.setTimeout(handOn, 0)
        },
        end: reset,
        destroy: reset,
      }
      server = found.accept(socket)
    }

    toServer(() => {
      const found = bound.get(address)
      if (found === undefined) return reset()
      at = found
      if (isSilent()) return
      found.machine.whenAwake(() => {
        const isFull = found.connections.size >= found.limits().connectionsMax
        if (bound.get(address) !== found || isClosed || isFull) return reset()
        accept(found)
        toClient(() => {
          if (!isClosed) events.opened()
        })
      })
    })

    function readBytes(bytes: Buffer): void {
      reader!.push(bytes)
      trickled += bytes.length
      const room = reader!.room().length
      const most = Math.max(reserved.shared, reserved.min, trickled * reserved.times)
      must(room <= most, 'W1', 'memory is reserved for what arrived', () => ({
        address,
        trickled,
        room,
      }))
      try {
        for (let next = reader!.next(); next !== undefined; next = reader!.next())
          unheard.push(next)
      } catch (error) {
        if (!(error instanceof FrameError)) throw error
        server!.malformed(error.message)
      }
    }

    return {
      trickle(bytes) {
        toServer(() => {
          if (at === undefined) return
          if (isSilent()) return events.lost?.()
          at.machine.whenAwake(() => {
            if (server === undefined) return
            active()
            readBytes(bytes)
            handOn()
          })
        })
      },
      send(frame) {
        const told = tell && requestFields(frame)
        if (told) note('sent', 'client', address, told)
        toServer(() => {
          if (at === undefined || isSilent()) return
          at.machine.whenAwake(() => {
            if (server === undefined) return
            if (told) note('arrived', 'client', address, told)
            active()
            unheard.push(frame)
            handOn()
          })
        })
      },
      read(now) {
        isReading = now
        if (!now) return
        toClient(() => {
          while (isReading && unread.length > 0) unread.shift()!()
        })
      },
      close() {
        if (isClosed) return
        isClosed = true
        held--
        toServer(() => {
          at?.connections.delete(connection)
          const told = server
          server = undefined
          if (told === undefined) return
          at!.machine.whenAwake(() => {
            if (reader!.isWithinFrame()) told.malformed('it ended within a frame')
            told.closed()
          })
        })
      },
    }
  }

  function listenerFor(nodeId: number, machine: Machine) {
    return ({ host, port, limits, clock }: ListenerOptions, accept: Accept): Listener => {
      const name = `${host}:${port}`
      const connections = new Set<Connection>()
      const entry: Bound = { nodeId, machine, accept, connections, limits }
      const sweep = idleSweep(connections, clock, () => limits().idleMs)
      const stopAccepting = () => {
        if (bound.get(name) === entry) bound.delete(name)
      }
      return {
        async listen(): Promise<Address> {
          if (bound.has(name)) throw new Error(`${name} is in use`)
          bound.set(name, entry)
          sweep.begin()
          return { host, port }
        },
        connections: () => entry.connections.size,
        stopAccepting,
        async close() {
          stopAccepting()
          sweep.end()
          for (const connection of [...entry.connections]) connection.reset()
        },
      }
    }
  }

  const sockets: SimSockets = {
    delayMs: 0.2,
    unreachable: new Set(),
    listenerFor,
    connect,
    resetAll() {
      for (const { connections } of bound.values()) {
        for (const connection of [...connections]) connection.reset()
      }
    },
    connections: (nodeId) =>
      [...bound.values()]
        .filter((each) => each.nodeId === nodeId)
        .reduce((sum, { connections }) => sum + connections.size, 0),
    idlest(nodeId) {
      const found = [...bound.values()].find((each) => each.nodeId === nodeId)
      if (found === undefined || found.connections.size === 0) return undefined
      const since = Math.min(...[...found.connections].map(({ activeAt }) => activeAt))
      return { idleMs: found.machine.monotonic() - since, idleMsMax: found.limits().idleMs }
    },
    held: () => held,
    onChangedInFlight: () => {},
  }
  return sockets
}

const int32 = (frame: Buffer, at: number) => (frame.length < at + 4 ? null : frame.readInt32BE(at))

const requestFields = (frame: Buffer) => ({
  apiKey: frame.length < 2 ? null : frame.readInt16BE(0),
  correlationId: int32(frame, 4),
  bytes: frame.length,
})
const answerFields = (frame: Buffer) => ({
  correlationId: int32(frame, 0),
  bytes: frame.length,
})
