/** The codecs: what we pack unpacks again, and what strangers packed cannot hurt. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KafkaError } from '../../transport/protocol/errors.ts'
import { BATCH_HEADER_BYTES } from '../../transport/records/batch.ts'
import { compress, decompress } from '../../transport/records/compression.ts'
import { nodeZstd, wasmZstd } from '../../transport/records/zstd.ts'

const codecs = ['gzip', 'snappy', 'lz4', 'zstd'] as const
const fixture = JSON.parse(
  readFileSync(new URL('./fixtures/batches.json', import.meta.url), 'utf8'),
) as Record<string, string>
const packedByKafka = (codec: string): Buffer =>
  Buffer.from(fixture[`wide-${codec}`]!, 'base64').subarray(BATCH_HEADER_BYTES)

/** Runs of noise and of words, so that literals and matches alternate. */
const plain = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(3_000).map((length) => Buffer.alloc(length, 'gregor samsa ')),
    ),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.concat(parts))

const isCorrupt = (error: unknown) =>
  error instanceof KafkaError && error.code === 'CORRUPT_MESSAGE'

for (const codec of codecs) {
  test(`${codec}: what is packed unpacks again`, () => {
    fc.assert(
      fc.property(plain, (bytes) => {
        const packed = compress(codec, bytes)
        assert.ok(decompress(codec, packed, bytes.length).equals(bytes))
      }),
      { numRuns: 60 },
    )
  })

  test(`${codec}: sizes around the edges of blocks`, () => {
    for (const size of [0, 1, 12, 13, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 140_000]) {
      const noise = Buffer.from(
        Array.from({ length: size }, (_, i) => (i * i * 31 + (i >> 3)) & 255),
      )
      for (const bytes of [noise, Buffer.alloc(size, 'a')]) {
        const back = decompress(codec, compress(codec, bytes), size)
        assert.ok(back.equals(bytes), `${size} bytes`)
      }
    }
  })

  test(`${codec}: more than the bound is refused`, () => {
    const packed = compress(codec, Buffer.alloc(1_000_000))
    assert.is(decompress(codec, packed, 1_000_000).length, 1_000_000)
    assert.throws(() => decompress(codec, packed, 999_999), isCorrupt)
    assert.throws(() => decompress(codec, packed, 10), isCorrupt)
  })

  test(`${codec}: broken bytes are refused or unpack to something, within the bound`, () => {
    const whole = packedByKafka(codec)
    const bound = 100_000
    const unpack = (bytes: Buffer) => {
      try {
        assert.ok(decompress(codec, bytes, bound).length <= bound)
      } catch (error) {
        assert.ok(isCorrupt(error), String(error))
      }
    }
    for (let cut = 0; cut < Math.min(whole.length, 300); cut++) unpack(whole.subarray(0, cut))
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(60), (at, byte, offset) => {
        const bytes = Buffer.from(whole)
        bytes[at] = byte
        bytes[Math.min(offset, bytes.length - 1)] = byte
        unpack(bytes)
      }),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => unpack(Buffer.from(bytes))),
      { numRuns: 200 },
    )
  })
}

test('snappy: raw blocks are taken too, as librdkafka sends them', () => {
  // "abcd" as a literal, then eight bytes from four bytes before.
  const raw = Buffer.from([12, 3 << 2, ...Buffer.from('abcd'), 1 | (4 << 2), 4])
  assert.is(decompress('snappy', raw, 12).toString(), 'abcdabcdabcd')
})

test('snappy: a block that announces what it cannot hold costs no memory', () => {
  const bomb = Buffer.from([0x80, 0x80, 0x80, 0x20, 0])
  assert.throws(() => decompress('snappy', bomb, 128 << 20), isCorrupt)
})

test('lz4: blocks that depend on each other are refused, as Kafka does', () => {
  const dependent = Buffer.from(packedByKafka('lz4'))
  dependent[4] = dependent[4]! & ~0x20
  assert.throws(() => decompress('lz4', dependent, 100_000), /depend on each other/)
})

test('zstd: a frame that announces more than the bound is refused unread', () => {
  // Single segment, eight bytes of content size: 2^40.
  const frame = Buffer.from('28b52ffde00000000000010000', 'hex')
  assert.throws(() => decompress('zstd', frame, 1_000_000), /1099511627776 bytes, at most/)
})

test("zstd: WebAssembly and Node's own, where it has one, read each other", () => {
  const bytes = Buffer.alloc(300_000, 'samsa')
  const wasm = wasmZstd()
  const packed = wasm.compress(bytes)
  assert.ok(wasm.decompress(packed, bytes.length).equals(bytes))
  assert.throws(() => wasm.decompress(packed, bytes.length - 1))
  const own = nodeZstd()
  if (own === undefined) return
  assert.ok(own.decompress(packed, bytes.length).equals(bytes))
  assert.ok(wasm.decompress(own.compress(bytes), bytes.length).equals(bytes))
})

test.run()
