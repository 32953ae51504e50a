/**
 * What was appended last, by all logs together: followers and consumers that keep up are served
 * from the Buffers that were written, without a read. Bounded in bytes; the oldest go first.
 *
 * The Buffers are shared with answers in flight, so nobody writes to them once they are here (S12).
 */
/** What an entry and its Buffer cost beside its bytes. */
const ENTRY_BYTES = 256

export type TailEntry = {
  nextOffset: number
  bytes: Buffer
  sizeBytes: number
  /** undefined once its log let go of it. */
  owner: LogTail | undefined
}

/** The newest appends of one log, in order and without a gap between them; `head` is the oldest held. */
export type LogTail = { entries: TailEntry[]; head: number; firstOffset: number }

export type TailCache = {
  push(tail: LogTail, baseOffset: number, nextOffset: number, bytes: Buffer): void
}

const gone = Buffer.alloc(0)
const past: TailEntry = { nextOffset: -1, bytes: gone, sizeBytes: 0, owner: undefined }

export const emptyTail = (): LogTail => ({ entries: [], head: 0, firstOffset: 0 })

/** A slice may keep a whole network frame alive: smaller parts of one are copied. */
const ownBytes = (bytes: Buffer) =>
  bytes.length * 2 < bytes.buffer.byteLength ? copy(bytes) : bytes

function copy(bytes: Buffer): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}

/** Moving what is left is paid for by what has gone. */
const isMostlyPast = (head: number, length: number) => head > 64 && head * 2 > length

function letGo(tail: LogTail, firstOffset: number) {
  tail.entries[tail.head] = past
  tail.head++
  tail.firstOffset = firstOffset
  if (tail.head < tail.entries.length && !isMostlyPast(tail.head, tail.entries.length)) return
  tail.entries.splice(0, tail.head)
  tail.head = 0
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
      if (entry.owner !== undefined) letGo(entry.owner, entry.nextOffset)
    }
    if (isMostlyPast(head, queue.length)) {
      queue.splice(0, head)
      head = 0
    }
  }

  return {
    push(tail, baseOffset, nextOffset, bytes) {
      const own = ownBytes(bytes)
      if (tail.entries.length === 0) tail.firstOffset = baseOffset
      const entry = { nextOffset, bytes: own, sizeBytes: own.length + ENTRY_BYTES, owner: tail }
      tail.entries.push(entry)
      queue.push(entry)
      bytesHeld += entry.sizeBytes
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
  tail.head = 0
}

/** The entry that holds an offset, or -1. */
export function findInTail(tail: LogTail, offset: number): number {
  const { entries } = tail
  if (entries.length === 0 || offset < tail.firstOffset) return -1
  let low = tail.head
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]!.nextOffset <= offset) low = middle + 1
    else high = middle
  }
  return low < entries.length ? low : -1
}
