/**
 * Parts of messages on their way to become whole again. Memory is reserved once a declared size is
 * within bounds, and given back when the message is whole or its deadline has passed.
 */
import type { Timer, Timers } from '../timers.ts'

type Join = { whole: Buffer; offsets: Set<number>; received: number; timer: Timer }

export type Part = { total: number; offset: number; bytes: Buffer; timeoutMs: number }

export type Bounds = { messageBytesMax: number; joiningBytesMax: number }

export function joins(timers: Timers, { messageBytesMax, joiningBytesMax }: Bounds) {
  const open = new Map<string, Join>()
  let reserved = 0

  const end = (key: string, join: Join): void => {
    if (!open.delete(key)) return
    timers.clearTimeout(join.timer)
    reserved -= join.whole.length
  }

  const begin = (key: string, { total, timeoutMs }: Part): Join | undefined => {
    if (total > messageBytesMax || reserved + total > joiningBytesMax) return undefined
    reserved += total
    const join: Join = {
      whole: Buffer.allocUnsafeSlow(total),
      offsets: new Set(),
      received: 0,
      timer: timers.setTimeout(() => end(key, join), timeoutMs),
    }
    open.set(key, join)
    return join
  }

  return {
    /**
     * @param key names sender and transfer
     * @returns what has arrived so far, and the whole once it is complete; undefined: out of bounds
     */
    add(key: string, part: Part): { received: number; whole: Buffer | undefined } | undefined {
      const { total, offset, bytes } = part
      if (bytes.length === 0 || offset + bytes.length > total) return undefined
      const join = open.get(key) ?? begin(key, part)
      if (join === undefined || join.whole.length !== total) return undefined
      if (!join.offsets.has(offset)) {
        join.offsets.add(offset)
        bytes.copy(join.whole, offset)
        join.received += bytes.length
      }
      if (join.received < total) return { received: join.received, whole: undefined }
      end(key, join)
      return { received: total, whole: join.whole }
    },
    clear(): void {
      for (const [key, join] of [...open]) end(key, join)
    },
    reservedBytes: (): number => reserved,
  }
}
