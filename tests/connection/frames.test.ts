/** However a stream is cut into chunks, the same frames come out of it, and no more memory than bytes. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FrameError, type FrameReader, frameReader } from '../../transport/tcp/frames.ts'

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
    }),
    { numRuns: 300 },
  )
})

/** Reads a stream as a socket does: as much at a time as `sizes` say, to where there is room. */
function readThrough(stream: Buffer, reader: FrameReader, sizes: number[]): Buffer[] {
  const read: Buffer[] = []
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const room = reader.room()
    const bytes = stream.copy(room, 0, at, at + sizes[turn % sizes.length]!)
    assert.ok(bytes > 0, 'there is always room')
    at += bytes
    reader.filled(room, bytes)
    for (let next = reader.next(); next !== undefined; next = reader.next()) read.push(next)
  }
  return read
}

test('frames that are read to where there is room survive any cut of the stream', () => {
  const sizes = fc.oneof(fc.constant(0), fc.integer({ max: 40_000, min: 0 }))
  const cuts = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70_000 })),
    {
      minLength: 1,
      maxLength: 20,
    },
  )
  fc.assert(
    fc.property(fc.array(sizes, { maxLength: 8 }), cuts, (lengths, turns) => {
      const frames = lengths.map((length, index) => Buffer.alloc(length, `frame ${index} of many`))
      const read = readThrough(Buffer.concat(frames.map(framed)), frameReader(100_000), turns)
      assert.is(read.length, frames.length)
      for (const [index, frame] of read.entries()) assert.ok(frame.equals(frames[index]!))
    }),
    { numRuns: 60 },
  )
})

test('pipelined frames cut at each byte come out whole', () => {
  const frames = [3, 0, 1, 2_000, 70_000, 5].map((length, index) => Buffer.alloc(length, index + 1))
  const stream = Buffer.concat(frames.map(framed))
  const near = (at: number) => at < 100 || stream.length - at < 100 || at % 997 === 0
  for (let cut = 1; cut < stream.length; cut++) {
    if (!near(cut)) continue
    const reader = frameReader(100_000)
    const read = [
      ...readThrough(stream.subarray(0, cut), reader, [65_536]),
      ...readThrough(stream.subarray(cut), reader, [65_536]),
    ]
    assert.equal(
      read.map((frame) => frame.length),
      frames.map((frame) => frame.length),
    )
    for (const [index, frame] of read.entries()) assert.ok(frame.equals(frames[index]!))
  }
  assert.ok(readThrough(stream, frameReader(100_000), [1]).every((f, i) => f.equals(frames[i]!)))
})

test('streams that are read in turns do not mix', () => {
  const readers = [1, 2, 3].map((byte) => ({ byte, reader: frameReader(100_000), got: 0 }))
  for (let round = 0; round < 300; round++) {
    const each = readers[round % readers.length]!
    const sent = framed(Buffer.alloc(1 + ((round * 331) % 40_000), each.byte))
    const cut = 1 + ((round * 97) % (sent.length - 1))
    const other = readers[(round + 1) % readers.length]!
    const read = readThrough(sent.subarray(0, cut), each.reader, [50_000])
    assert.is(readThrough(framed(Buffer.alloc(9, other.byte)), other.reader, [5]).length, 1)
    read.push(...readThrough(sent.subarray(cut), each.reader, [50_000]))
    assert.is(read.length, 1)
    assert.ok(read[0]!.every((byte) => byte === each.byte))
  }
})

test('a large frame arrives in the Buffer that is handed on', () => {
  const reader = frameReader(1_000_000)
  const sent = framed(Buffer.alloc(200_000, 7))
  const first = reader.room()
  reader.filled(first, sent.copy(first, 0, 0, 60_000))
  const room = reader.room()
  assert.is(room.length, 4 + 200_000 - 60_000)
  reader.filled(room, sent.copy(room, 0, 60_000))
  assert.is(reader.next()!.buffer, room.buffer)
})

test('frames before one that is out of bounds are handed on, those behind it never', () => {
  const reader = frameReader(100)
  const one = framed(Buffer.from('abc'))
  reader.push(Buffer.concat([one, one, framed(Buffer.alloc(101)), one]))
  assert.is(String(reader.next()), 'abc')
  assert.is(String(reader.next()), 'abc')
  for (let more = 0; more < 2; more++) assert.throws(() => reader.next(), /bound 100/)
  reader.push(one)
  assert.throws(() => reader.next(), /bound 100/)
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

test('a declared length costs no more than a few times what arrived of it', () => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 1_000 }, () => frameReader(100 * 1024 * 1024))
  for (const reader of readers) {
    reader.push(Buffer.from('06400000', 'hex'))
    reader.push(Buffer.from('some bytes'))
    assert.is(reader.next(), undefined)
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 * 1024 * 1024)
  const [slow] = readers
  for (let arrived = 0; arrived < 3_000_000; arrived += 30_000) slow!.push(Buffer.alloc(30_000))
  assert.is(slow!.next(), undefined)
  assert.ok(slow!.room().length <= 4 * 3_030_000)
})

test.run()
