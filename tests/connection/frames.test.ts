/** However a stream is cut into chunks, the same frames come out of it, and no more memory than bytes. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FrameError, frameReader } from '../../transport/tcp/frames.ts'

const framed = (body: Uint8Array): Buffer => {
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}

test('frames survive any cut of the stream', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 20_000, size: 'max' }), { maxLength: 8 })
  const cuts = fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(bodies, cuts, (frames, sizes) => {
      const stream = Buffer.concat(frames.map(framed))
      const reader = frameReader(20_000)
      const read: Buffer[] = []
      for (let at = 0, turn = 0; at < stream.length; turn++) {
        const size = sizes[turn % sizes.length]!
        reader.push(Buffer.from(stream.subarray(at, at + size)))
        at += size
        for (let next = reader.next(); next !== undefined; next = reader.next()) read.push(next)
      }
      assert.is(read.length, frames.length)
      for (const [index, frame] of read.entries()) assert.ok(frame.equals(frames[index]!))
      assert.is(reader.bufferedBytes(), 0)
    }),
    { numRuns: 300 },
  )
})

test('a frame within one chunk is a view of it', () => {
  const reader = frameReader(100)
  const chunk = framed(Buffer.from('abc'))
  reader.push(chunk)
  assert.is(reader.next()!.buffer, chunk.buffer)
})

test('a frame that was handed out is never written again', () => {
  const reader = frameReader(1_000_000)
  const read: Buffer[] = []
  for (let round = 0; round < 500; round++) {
    for (const byte of framed(Buffer.alloc(50, round % 251))) {
      reader.push(Buffer.from([byte]))
      const frame = reader.next()
      if (frame !== undefined) read.push(frame)
    }
  }
  assert.is(read.length, 500)
  for (const [round, frame] of read.entries()) {
    assert.ok(frame.equals(Buffer.alloc(50, round % 251)))
  }
})

test('a length out of bounds is refused before anything is kept for it', () => {
  for (const length of ['ffffffff', '80000000', '00000065', '7fffffff']) {
    const reader = frameReader(100)
    reader.push(Buffer.from(length, 'hex'))
    assert.throws(
      () => reader.next(),
      (error: unknown) => error instanceof FrameError,
    )
  }
})

test('a declared length costs nothing until its bytes arrive', () => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 1_000 }, () => frameReader(100 * 1024 * 1024))
  for (const reader of readers) {
    reader.push(Buffer.from('06400000', 'hex'))
    reader.push(Buffer.from('some bytes'))
    assert.is(reader.next(), undefined)
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024)
})

test.run()
