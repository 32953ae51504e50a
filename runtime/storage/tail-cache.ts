/**
 * What was appended last, by all logs together: followers and consumers that keep up are served
 * from the Buffers that were written, without a read. Bounded in bytes; the oldest go first.
 *
 * The Buffers are shared with answers in flight, so nobody writes to them once they are here (S12).
 */
export type TailEntry = {
  nextOffset: number
  bytes: Buffer
  sizeBytes: number
  /** undefined once its log let go of it. */
  owner: LogTail | undefined
}

/** The newest appends of one log, in order and without a gap between them. */
export type LogTail = { entries: TailEntry[]; firstOffset: number }

export type TailCache = {
  push(tail: LogTail, baseOffset: number, nextOffset: number, bytes: Buffer): void
}

export const emptyTail = (): LogTail => ({ entries: [], firstOffset: 0 })

/** A slice may keep a whole network frame alive: smaller parts of one are copied. */
const ownBytes = (bytes: Buffer) =>
  bytes.length * 2 < bytes.buffer.byteLength ? copy(bytes) : bytes

function copy(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

export function createTailCache(bytesMax: number): TailCache {
  const queue: TailEntry[] = []
  let head = 0
  let bytesHeld = 0

  function evict() {
    while (bytesHeld > bytesMax) {
      const entry = queue[head++]!
      bytesHeld -= entry.sizeBytes
      // The oldest of all is the oldest of its log.
      if (entry.owner !== undefined) {
        entry.owner.entries.shift()
        entry.owner.firstOffset = entry.nextOffset
      }
    }
    if (head > 1024 && head * 2 > queue.length) {
      queue.splice(0, head)
      head = 0
    }
  }

  return {
    push(tail, baseOffset, nextOffset, bytes) {
      const own = ownBytes(bytes)
      if (tail.entries.length === 0) tail.firstOffset = baseOffset
      const entry = { nextOffset, bytes: own, sizeBytes: own.length, owner: tail }
      tail.entries.push(entry)
      queue.push(entry)
      bytesHeld += own.length
      evict()
    },
  }
}

/** After a truncation nothing here may be served; they leave the queue when their turn comes. */
export function dropTail(tail: LogTail) {
  for (const entry of tail.entries) {
    entry.owner = undefined
    entry.bytes = gone
  }
  tail.entries = []
}
const gone = Buffer.alloc(0)

/** The entry that holds an offset, or -1. */
export function findInTail(tail: LogTail, offset: number): number {
  const { entries } = tail
  if (entries.length === 0 || offset < tail.firstOffset) return -1
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]!.nextOffset <= offset) low = middle + 1
    else high = middle
  }
  return low < entries.length ? low : -1
}
