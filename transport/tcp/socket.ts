/**
 * What a listener and the host of its connections owe each other. The TCP listener is one; a
 * simulation hands in its own.
 */

/** One client connection, as its host sees it. */
export type Socket = {
  /** As Kafka prints it: `localHost:localPort-remoteHost:remotePort-index`. */
  readonly id: string
  readonly remoteAddress: string
  /** Sends chunks as they are, in order; what is written in one turn leaves together. */
  write(chunks: Buffer[]): void
  /** Written and not yet taken over by the system: what a slow reader makes us keep. */
  pendingBytes(): number
  /** No frame is handed on until `resume`; what has been read by then waits. */
  pause(): void
  resume(): void
  /** Closes once everything written has left. */
  end(): void
  destroy(): void
}

/** What a listener tells the host of one connection; nothing follows `closed`. */
export type SocketEvents = {
  /** One message, without its length. */
  frame(frame: Buffer): void
  /** Everything that was written has left. */
  drained(): void
  /** The bytes cannot be a message: the host decides what becomes of the connection. */
  malformed(why: string): void
  closed(): void
}

export type Accept = (socket: Socket) => SocketEvents

export type Address = { host: string; port: number }

export type Listener = {
  /** @returns where it listens: with port 0 the system has chosen one */
  listen(): Promise<Address>
  connections(): number
  /** Accepts no more; connections stay. */
  stopAccepting(): void
  /** Accepts no more and destroys what is left. */
  close(): Promise<void>
}
