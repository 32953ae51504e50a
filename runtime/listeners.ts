/**
 * The Kafka listeners of one node. They are bound before the broker registers, so that nobody is
 * told of a port that does not listen; a client that comes early waits until the broker serves.
 */
import type { InspectionEvent } from 'xstate'
import type { Config } from '../actors/config/config.ts'
import { hostConnections } from '../actors/connection/connection.ts'
import type { HandlerTable } from '../actors/connection/dispatch.ts'
import { createUnread, type Unread } from '../actors/connection/unread.ts'
import type { Logger } from '../actors/log.ts'
import type { Clock } from '../actors/ports/clock.ts'
import type { Accept, Address, Socket, SocketEvents } from '../transport/tcp/socket.ts'
import type { NodeConfig } from './config/config.ts'
import type { World } from './world.ts'

type Served<Host> = { table: HandlerTable<Host>; host: Host }

export type BoundListener = {
  name: string
  isController: boolean
  advertised: Address
  /** Serves who waits, and who comes from now on. */
  open(): void
  /** Answers what is asked by now, then closes; after `ms` in any case. */
  drain(ms: number): Promise<void>
  destroy(): void
}

export type ListenerPorts<BrokerHost, ControllerHost> = {
  node: NodeConfig
  clock: Clock
  openListener: World['openListener']
  config: Config
  log: Logger
  halt: (why: unknown) => void
  inspect?: (event: InspectionEvent) => void
  broker: Served<BrokerHost> | undefined
  controller: Served<ControllerHost> | undefined
}

/** @throws the system's error when a port is taken; nothing stays bound then */
export async function openListeners<B, C>(ports: ListenerPorts<B, C>): Promise<BoundListener[]> {
  const { broker, controller, advertisedBroker, advertisedController } = ports.node.listeners
  const bound: BoundListener[] = []
  const { clock, log, config } = ports
  // Kafka has no such bound; two of the largest answers.
  const bytesMax = () => 2 * config.int('fetch.max.bytes')
  const unread = createUnread({ clock, log, bytesMax })
  const shared = { ...ports, unread }
  try {
    for (const listener of broker) {
      const told = advertisedBroker.find(({ name }) => name === listener.name) ?? listener
      if (ports.broker) bound.push(await bind(shared, listener, told, ports.broker, false))
    }
    for (const listener of controller) {
      const told = advertisedController.find(({ name }) => name === listener.name) ?? listener
      if (ports.controller) bound.push(await bind(shared, listener, told, ports.controller, true))
    }
  } catch (why) {
    for (const { destroy } of bound) destroy()
    throw why
  }
  return bound
}

type Named = { name: string; host: string; port: number }

async function bind<Host>(
  ports: Pick<
    ListenerPorts<never, never>,
    'clock' | 'config' | 'log' | 'halt' | 'inspect' | 'openListener'
  > & { unread: Unread },
  { name, host, port }: Named,
  told: Named,
  { table, host: served }: Served<Host>,
  isController: boolean,
): Promise<BoundListener> {
  const { clock, config, log, halt, inspect, unread } = ports
  const connections = hostConnections({
    table,
    host: served,
    listenerName: name,
    clock,
    log,
    halt,
    unread,
    ...(inspect && { inspect }),
  })
  const door = openLater(connections.accept)
  const overrides = ipOverrides(config.text('max.connections.per.ip.overrides') ?? '')
  const listener = ports.openListener(
    {
      host,
      port,
      backlog: config.int('socket.listen.backlog.size'),
      clock,
      log,
      limits: () => ({
        requestBytesMax: config.int('socket.request.max.bytes'),
        connectionsMax: config.int('max.connections'),
        connectionsPerIpMax: (address) =>
          overrides.get(address) ?? config.int('max.connections.per.ip'),
        idleMs: config.int('connections.max.idle.ms'),
      }),
    },
    door.accept,
  )
  const at = await listener.listen()
  const destroy = () => void listener.close()
  return {
    name,
    isController,
    advertised: {
      host: told.host === '' || told.host === '0.0.0.0' ? 'localhost' : told.host,
      port: told.port === 0 ? at.port : told.port,
    },
    open: door.open,
    async drain(ms) {
      listener.stopAccepting()
      connections.drain()
      await new Promise<void>((resolve) => {
        const deadline = clock.monotonic() + ms
        const look = () => {
          if (connections.count() === 0 || clock.monotonic() >= deadline) resolve()
          else clock.setTimeout(look, 10)
        }
        look()
      })
      await listener.close()
    },
    destroy,
  }
}

/** `host:connections,...` */
const ipOverrides = (text: string): Map<string, number> =>
  new Map(
    text
      .split(',')
      .filter((entry) => entry.includes(':'))
      .map((entry) => {
        const at = entry.lastIndexOf(':')
        return [entry.slice(0, at).trim(), Number(entry.slice(at + 1))]
      }),
  )

/** Holds sockets back, unread, until the door opens. */
function openLater(accept: Accept): { accept: Accept; open(): void } {
  type Waiting = { socket: Socket; events: SocketEvents | undefined; gone: boolean }
  const waiting = new Set<Waiting>()
  let isOpen = false
  return {
    accept(socket) {
      if (isOpen) return accept(socket)
      const early: Waiting = { socket, events: undefined, gone: false }
      waiting.add(early)
      socket.pause()
      return {
        frame: (frame) => early.events?.frame(frame),
        drained: () => early.events?.drained(),
        malformed: (why) =>
          early.events === undefined ? socket.destroy() : early.events.malformed(why),
        closed() {
          waiting.delete(early)
          early.events?.closed()
        },
      }
    },
    open() {
      isOpen = true
      for (const early of waiting) {
        early.events = accept(early.socket)
        early.socket.resume()
      }
      waiting.clear()
    },
  }
}
