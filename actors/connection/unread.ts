/**
 * The answers of a broker that its clients have not read yet, over all connections (W5). Kafka leaves
 * them in its files until a socket takes them; here they are in memory, so together they are bounded:
 * above it a Fetch is answered with one batch, and who has left most unread for long is hung up on.
 *
 * What is counted is an upper bound: what the system took since the last count counts, too.
 */
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'

type Reader = { readonly id: string; pendingBytes(): number; destroy(): void }

export type Unread = ReturnType<typeof createUnread>

type Ports = {
  clock: Clock
  log: Logger
  /** Asked each time, since it may be configured. */
  bytesMax(): number
}

/** How long a client may leave all unread while others need the room. */
const PATIENCE_MS = 10_000
const COUNT_EVERY_MS = 20

export function createUnread({ clock, log, bytesMax }: Ports) {
  /** Each with the time since which it has never read all. */
  const readers = new Map<Reader, number | undefined>()
  let bytes = 0
  let countedAt = Number.NEGATIVE_INFINITY

  function count(now: number): void {
    countedAt = now
    bytes = 0
    const slow: { reader: Reader; pending: number }[] = []
    for (const [reader, since] of readers) {
      const pending = reader.pendingBytes()
      bytes += pending
      readers.set(reader, pending === 0 ? undefined : (since ?? now))
      if (pending > 0 && now - (since ?? now) >= PATIENCE_MS) slow.push({ reader, pending })
    }
    if (bytes > bytesMax()) hangUp(slow)
  }

  function hangUp(slow: { reader: Reader; pending: number }[]): void {
    slow.sort((a, b) => b.pending - a.pending)
    for (const { reader, pending } of slow) {
      if (bytes <= bytesMax()) return
      bytes -= pending
      readers.delete(reader)
      log.warn(
        { connectionId: reader.id, unreadBytes: pending },
        'connection closed: its answers are not read, and others need the room',
      )
      reader.destroy()
    }
  }

  return {
    opened: (reader: Reader): void => void readers.set(reader, undefined),
    closed: (reader: Reader): void => void readers.delete(reader),
    wrote(written: number): void {
      bytes += written
    },
    /** It has read all. */
    drained(reader: Reader): void {
      if (readers.has(reader)) readers.set(reader, undefined)
    },
    /** How many bytes an answer may have now, beyond what makes progress. */
    bytesLeft(): number {
      const max = bytesMax()
      const now = clock.monotonic()
      if (bytes >= max / 2 && now - countedAt >= COUNT_EVERY_MS) count(now)
      return Math.max(0, max - bytes)
    },
  }
}
