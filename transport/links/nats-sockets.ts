/**
 * Sockets that nats.js would leave open; they are private to it, and reached only here.
 *
 * A dial that it gives up before the server's first word keeps its socket. When a server that was
 * only slow speaks at last, that socket becomes a second connection beside the one made since: what
 * comes, comes twice, and the end of the forgotten one counts as the end of the other.
 */
import type { NatsConnection } from 'nats'

type Transport = {
  socket?: { destroy(): void }
  /** Asks the socket for the server's first word. */
  peekInfo(): Promise<unknown>
}
type Protocol = { connected: boolean; transport?: Transport; prepare(): unknown }

const protocolOf = (connection: NatsConnection): Protocol =>
  (connection as unknown as { protocol: Protocol }).protocol

/**
 * nats.js closes a stale connection by a last write, which a peer that reads nothing never takes:
 * without this it would wait for ever.
 */
export function destroySocket(connection: NatsConnection): void {
  const { connected, transport } = protocolOf(connection)
  if (connected) transport?.socket?.destroy()
}

/** Each new dial ends the socket of the one before. */
export function endGivenUpDials(connection: NatsConnection): void {
  const protocol = protocolOf(connection)
  const prepare = protocol.prepare
  protocol.prepare = () => {
    giveUp(protocol.transport)
    return prepare.call(protocol)
  }
}

/** Of a connection that was closed: the dial under way ends, too. */
export function endLastDial(connection: NatsConnection): void {
  giveUp(protocolOf(connection).transport)
}

function giveUp(transport: Transport | undefined): void {
  if (transport === undefined) return
  transport.socket?.destroy()
  // It may have no socket yet.
  transport.peekInfo = () => {
    transport.socket?.destroy()
    return Promise.reject(new Error('this dial was given up'))
  }
}
