/**
 * An accepted connection as a socket that reads where it is told to: without, Node makes a Buffer of
 * 64 KiB for each read, and the collector runs for their sake.
 *
 * Node has this (`onread`) for sockets that it is asked to make, not for those that a server accepts.
 * So the handle of an accepted one, not read from yet, changes hands.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'

type Handled = { _handle: object | null }

/** @param accepted by a server that pauses on connect */
export function readingInto(accepted: Socket, onread: OnReadOpts): Socket {
  const { _handle: handle } = accepted as unknown as Handled
  ;(accepted as unknown as Handled)._handle = null
  accepted.destroy()
  return new Socket({ handle, onread } as SocketConstructorOpts)
}
