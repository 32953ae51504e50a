/** The connection chart, walked at the host of a listener's connections, on a socket of the test. */
import { test } from 'uvu'
import type { AnyMachineSnapshot, EventObject } from 'xstate'
import { handler } from '../../actors/apis/handler.ts'
import { hostConnections } from '../../actors/connection/connection.ts'
import { handlerTable } from '../../actors/connection/dispatch.ts'
import { createUnread } from '../../actors/connection/unread.ts'
import { connection } from '../../machines/connection.ts'
import { encodeRequest } from '../../transport/protocol/api.ts'
import { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import type { Socket, SocketEvents } from '../../transport/tcp/socket.ts'
import { type Line, loggedTo } from '../connection/support.ts'
import { fakeClock } from '../support/clock.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { type Adapter, type Seen, type World, walk } from './walk.ts'

const answer = { throttleTimeMs: 0, errorCode: 0 }

type ConnectionWorld = World & {
  host: { drain(): void; count(): number }
  events: SocketEvents
  /** Bytes that the client has not taken. */
  pending: number
  /** Answers that the handlers owe. */
  owed: { answer(): void; fail(): void }[]
  ask(): void
}

async function world(): Promise<ConnectionWorld> {
  const clock = fakeClock()
  const lines: string[] = []
  const logged: Line[] = []
  let halted: unknown
  const owed: ConnectionWorld['owed'] = []
  const heartbeat = handler(
    Heartbeat,
    [0, 4],
    (_, __, _host: object) =>
      new Promise<typeof answer>((resolve, reject) =>
        owed.push({ answer: () => resolve(answer), fail: () => reject(new Error('a bug')) }),
      ),
    () => {
      throw new Error('no answer can be given')
    },
  )
  const socket: Socket = {
    id: 'c',
    remoteAddress: '127.0.0.1',
    write: () => void lines.push('write'),
    pendingBytes: () => on.pending,
    pause: () => void lines.push('pause'),
    resume: () => void lines.push('resume'),
    end: () => void lines.push('end'),
    destroy: () => void lines.push('destroy'),
  }
  const host = hostConnections({
    table: handlerTable([heartbeat]),
    host: {},
    listenerName: 'PLAINTEXT',
    clock,
    log: loggedTo(logged),
    unread: createUnread({ clock, log: loggedTo(logged), bytesMax: () => Number.MAX_SAFE_INTEGER }),
    halt: (why) => {
      halted = why
    },
  })
  const on: ConnectionWorld = {
    host,
    events: host.accept(socket),
    pending: 0,
    owed,
    ask() {
      const header = { correlationId: 1, clientId: 'a test' }
      const request = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }
      const [frame] = [Buffer.concat(encodeRequest(Heartbeat, 4, header, request))]
      on.events.frame(frame)
    },
    take() {
      const told = logged.splice(0).map(({ level, message }) => `${level}: ${message}`)
      return [...told, ...lines.splice(0)]
    },
    settle: () => clock.advance(0),
    tick: () => clock.step(),
    halted: () => halted,
    close() {},
  }
  return on
}

const isDraining = ({ value }: AnyMachineSnapshot) => value === 'draining'

const adapter: Adapter<ConnectionWorld> = {
  name: 'a connection',
  machine: connection,
  input: { connectionId: 'c' },
  open: world,
  differs: () => null,
  events: (snapshot) =>
    [
      // Told once when a bound is passed.
      ...(snapshot.value.serving === 'muted' ? [] : [{ type: 'congested' }]),
      ...(snapshot.value.serving === 'reading' ? [] : [{ type: 'relieved' }]),
      { type: 'malformed' },
      { type: 'failed' },
      { type: 'drain' },
      ...(isDraining(snapshot) ? [{ type: 'settled' }] : []),
      { type: 'disconnected' },
    ].map((event) => ({ ...event, why: 'a test' })),
  isSame: (planned: EventObject, heard) => planned.type === heard.type,
  async cause(on, { type }: EventObject) {
    switch (type) {
      case 'congested':
        // What is read by then may fail.
        on.ask()
        on.pending = 8 * 1024 * 1024
        return on.events.drained()
      case 'relieved':
        on.pending = 0
        return on.events.drained()
      case 'malformed':
        return on.events.malformed('a test')
      case 'failed':
        if (on.owed.length === 0) on.ask()
        return on.owed.at(0)?.fail()
      case 'drain':
        // Who waits for nothing is let go at once.
        if (on.owed.length === 0) on.ask()
        return on.host.drain()
      case 'settled':
        return on.owed.splice(0).forEach((each) => void each.answer())
      case 'disconnected':
        return on.events.closed()
    }
  },
  effect(_, { type }): Seen {
    const lines: Record<string, string> = {
      pauseReading: 'pause',
      resumeReading: 'resume',
      endSocket: 'end',
      destroySocket: 'destroy',
      logAbuse: 'warn: connection closed: malformed request',
      logFailure: 'warn: connection closed: no answer can be given',
    }
    const line = lines[type]
    if (line !== undefined) return { now: [line] }
    return {}
  },
  goesOn: (line) => line === 'write' || line === 'error: request failed unexpectedly',
  holds(on, snapshot) {
    const isOpen = on.host.count() === 1
    if (isOpen !== (snapshot.status === 'active')) throw new Error('its row lives as long as it')
  },
}

listenToGuards(connection)

test('every path through the connection chart is what its actor does', async () => {
  const coverage = coverageOf('connection', connection)
  await walk(connection, adapter, coverage)
  coverage.report()
})

test.run()
