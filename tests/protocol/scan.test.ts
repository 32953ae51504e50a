/** The pass over a batch's records says what reading them one by one says. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KafkaError } from '../../transport/protocol/errors.ts'
import { BATCH_HEADER_BYTES } from '../../transport/records/batch.ts'
import { encodeBatch, recordsIn } from '../../transport/records/records.ts'
import { type Scanned, scanRecords } from '../../transport/records/scan.ts'

const time = 1_700_000_000_000
const bytes = fc.option(
  fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ minLength: 60, maxLength: 200 })),
)
const sizes = fc.constantFrom(0, 1, 63, 64, 8_191, 8_192, 20_000)
const record = fc.record({
  key: fc.oneof(
    bytes,
    sizes.map((size) => new Uint8Array(size)),
  ),
  value: fc.oneof(
    bytes,
    sizes.map((size) => new Uint8Array(size)),
  ),
  delta: fc.oneof(
    fc.integer({ min: -70, max: 70 }),
    fc.integer(),
    fc.constantFrom(8191, 8192, 1 << 20),
  ),
  gap: fc.constantFrom(1, 1, 1, 1, 2, 0, 8_192, 1 << 20),
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 4 }), value: bytes }), {
    maxLength: 2,
  }),
})

type Drawn = typeof record extends fc.Arbitrary<infer T> ? T : never

const own = (part: Uint8Array | null) => (part === null ? null : Buffer.from(part))

function batchOf(drawn: Drawn[]): Buffer {
  let offset = -1
  return encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: drawn.map(({ key, value, delta, gap, headers }, index) => {
      offset += drawn.length > 3 ? 1 : gap
      return {
        key: own(key),
        value: own(value),
        timestamp: index === 0 ? time : time + delta,
        offset: Math.max(0, offset),
        headers: headers.map((header) => ({ key: header.key, value: own(header.value) })),
      }
    }),
  })
}

/** The same, record by record; undefined: these are not the records. */
function slowly(batch: Buffer, body: Buffer): Scanned | undefined {
  try {
    const all = [...recordsIn(batch, 0, body)]
    return {
      minTimestampDelta: Math.min(...all.map(({ timestamp }) => timestamp - time)),
      maxTimestampDelta: Math.max(...all.map(({ timestamp }) => timestamp - time)),
      hasRecordWithoutKey: all.some(({ key }) => key === null),
      isDense: all.every(({ offset }, index) => offset === index),
    }
  } catch (error) {
    assert.instance(error, KafkaError)
    return undefined
  }
}

function quickly(body: Buffer, count: number): Scanned | undefined {
  try {
    return scanRecords(body, 0, body.length, count)
  } catch (error) {
    assert.instance(error, KafkaError)
    assert.is((error as KafkaError).code, 'INVALID_RECORD')
    return undefined
  }
}

const drawn = fc.array(record, { minLength: 1, maxLength: 6 })

test('sound records', () => {
  fc.assert(
    fc.property(drawn, (list) => {
      const batch = batchOf(list)
      const body = batch.subarray(BATCH_HEADER_BYTES)
      const found = quickly(body, list.length)
      assert.ok(found)
      assert.equal(found, slowly(batch, body))
    }),
    { numRuns: 500 },
  )
})

test('records with a byte changed, cut off or left over', () => {
  fc.assert(
    fc.property(
      drawn,
      fc.nat(),
      fc.nat({ max: 255 }),
      fc.integer({ min: -3, max: 3 }),
      (list, place, byte, by) => {
        const batch = batchOf(list)
        const plain = batch.subarray(BATCH_HEADER_BYTES)
        // What most changes hit are values, where nothing is to be seen: the first bytes count more.
        plain[place % Math.min(plain.length, 16)] = byte
        const end = Buffer.alloc(Math.max(0, by))
        const body = Buffer.concat([plain.subarray(0, plain.length + Math.min(0, by)), end])
        assert.equal(quickly(body, list.length), slowly(batch, body))
      },
    ),
    { numRuns: 3_000 },
  )
})

test.run()
