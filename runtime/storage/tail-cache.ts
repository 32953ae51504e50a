/**
 * What was appended last, by all logs together: followers and consumers that keep up are served
 * from the Buffers that were written, without a read. Bounded in bytes; the oldest go first.
 *
 * The Buffers are shared with answers in flight, so nobody writes to them once they are here (S12).
 * They are not copied, either: a slice keeps the network frame alive that it was cut from, so the
 * first slice of a frame is charged for all of it, and those that follow it for nothing.
 */
/** What an entry costs beside its memory. */
const ENTRY_BYTES = 256

export type TailEntry = {
  nextOffset: number
  bytes: Buffer
  /** What it is charged for. */
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
  /** The newest that was charged for its memory, as long as it is here. */
  let charged: TailEntry | undefined

  function evict() {
    while (bytesHeld > bytesMax) {
      const entry = queue[head++]!
      bytesHeld -= entry.sizeBytes
      if (entry === charged) charged = undefined
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
      const isCharged = charged?.bytes.buffer === bytes.buffer
      const sizeBytes = ENTRY_BYTES + (isCharged ? 0 : bytes.buffer.byteLength)
      if (tail.entries.length === 0) tail.firstOffset = baseOffset
      const entry = { nextOffset, bytes, sizeBytes, owner: tail }
      if (!isCharged) charged = entry
      tail.entries.push(entry)
      queue.push(entry)
      bytesHeld += sizeBytes
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
