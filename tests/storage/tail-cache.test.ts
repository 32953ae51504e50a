/** What was appended last is kept as it came: no copies, and memory counted once a network frame. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createTailCache, emptyTail, findInTail } from '../../runtime/storage/tail-cache.ts'

/** A frame with room for `count` batches of 1,000 bytes, and the slices that are appended. */
function frame(count: number): Buffer[] {
  const bytes = Buffer.allocUnsafeSlow(count * 1_000)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * 1_000, (i + 1) * 1_000))
}

test('a slice of a frame is kept as the Buffer it is', () => {
  const cache = createTailCache(1e6)
  const tail = emptyTail()
  const [, slice] = frame(10)
  cache.push(tail, 0, 1, slice!)
  assert.is(tail.entries[findInTail(tail, 0)]!.bytes, slice)
})

test('all slices of a frame together cost what the frame does', () => {
  const cache = createTailCache(26_000)
  const tails = Array.from({ length: 20 }, emptyTail)
  for (const [i, slice] of frame(20).entries()) cache.push(tails[i]!, 0, 1, slice)
  assert.ok(tails.every((tail) => findInTail(tail, 0) === 0))
})

test('a small slice costs the whole frame that it keeps alive', () => {
  const cache = createTailCache(25_000)
  const tail = emptyTail()
  for (let offset = 0; offset < 5; offset++) cache.push(tail, offset, offset + 1, frame(10)[0]!)
  assert.is(findInTail(tail, 2), -1)
  assert.is(tail.entries.length - tail.head, 2)
})

test('a frame whose charged slice has gone is charged anew', () => {
  const cache = createTailCache(5_000)
  const tail = emptyTail()
  const [first, second] = frame(10)
  cache.push(tail, 0, 1, first!)
  cache.push(tail, 1, 2, second!)
  assert.is(findInTail(tail, 1), -1)
})

test.run()
