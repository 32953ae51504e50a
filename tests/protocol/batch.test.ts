/** Record batches: what Kafka 4.3.0 wrote is read, patched and written as Kafka does it. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { KafkaError } from '../../transport/protocol/errors.ts'
import * as batch from '../../transport/records/batch.ts'
import {
  type ControlRecord,
  decodeControlRecord,
  encodeControlRecord,
} from '../../transport/records/control.ts'
import { crc32c, crc32cPortable, native } from '../../transport/records/crc32c.ts'
import { encodeBatch, type NewRecord, records } from '../../transport/records/records.ts'

const fixture = JSON.parse(
  readFileSync(new URL('./fixtures/batches.json', import.meta.url), 'utf8'),
) as Record<string, string>
const fromKafka = (name: string): Buffer => Buffer.from(fixture[name]!, 'base64')
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

const T = 1_700_000_000_000
const written: NewRecord[] = [
  {
    timestamp: T,
    key: Buffer.from('key-0'),
    value: Buffer.from('value-0'),
    headers: [
      { key: 'trace', value: Buffer.from('abc') },
      { key: 'empty', value: null },
    ],
  },
  { timestamp: T + 250, key: null, value: Buffer.from('größe 漢字') },
  { timestamp: T - 1_000, key: Buffer.from('key-2'), value: null },
  { timestamp: T + 1, key: Buffer.alloc(0), value: Buffer.alloc(0) },
]

const refusal = (code: string) => (error: unknown) =>
  error instanceof KafkaError && error.code === code

test('CRC-32C gives the published values, with and without the add-on', () => {
  const vectors: [Buffer, number][] = [
    [Buffer.from('123456789'), 0xe3069283],
    [Buffer.alloc(32), 0x8a9136aa],
    [Buffer.alloc(32, 0xff), 0x62a8ab43],
    [Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ]
  for (const [bytes, sum] of vectors) {
    assert.is(crc32cPortable(bytes), sum)
    assert.is(crc32c(bytes), sum)
  }
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 10, maxLength: 600 }), (bytes) => {
      const sum = crc32cPortable(bytes, 3, bytes.length - 2)
      assert.is(crc32c(bytes, 3, bytes.length - 2), sum)
      if (native !== undefined) assert.is(native.crc32c(bytes.subarray(3, bytes.length - 2)), sum)
    }),
  )
})

for (const codec of codecs) {
  test(`a batch of Kafka's, ${codec}: header and records`, () => {
    const b = fromKafka(codec)
    assert.is(batch.checkBatch(b, 0), b.length)
    batch.checkDense(b, 0)
    assert.is(batch.baseOffset(b, 0), 4_000_000_000)
    assert.is(batch.nextOffset(b, 0), 4_000_000_004)
    assert.is(batch.partitionLeaderEpoch(b, 0), 7)
    assert.is(batch.compression(b, 0), codec)
    assert.is(batch.baseTimestamp(b, 0), T)
    assert.is(batch.maxTimestamp(b, 0), T + 250)
    assert.is(batch.recordCount(b, 0), 4)
    assert.is(batch.producerId(b, 0), batch.NONE)
    const expected = written.map((record, index) => ({
      headers: [],
      ...record,
      offset: 4_000_000_000 + index,
    }))
    assert.equal([...records(b, 0)], expected)
  })
}

for (const codec of codecs.slice(1)) {
  test(`70,000 bytes that Kafka packed with ${codec} unpack, within a bound only`, () => {
    const b = fromKafka(`wide-${codec}`)
    const [record] = records(b, 0)
    assert.is(record!.value!.toString(), 'samsa'.repeat(14_000))
    assert.throws(() => [...records(b, 0, 60_000)], refusal('CORRUPT_MESSAGE'))
  })
}

test('the same records make the same bytes as Kafka makes', () => {
  const ours = encodeBatch({ baseOffset: 4_000_000_000, leaderEpoch: 7, records: written })
  assert.is(ours.toString('base64'), fixture['none'])
})

test('a transactional batch in LogAppendTime: all records have the time of the append', () => {
  const b = fromKafka('transactional')
  batch.checkBatch(b, 0)
  assert.ok(batch.isTransactional(b, 0))
  assert.not(batch.isControl(b, 0))
  assert.is(batch.timestampType(b, 0), 'LogAppendTime')
  assert.is(batch.producerId(b, 0), 9_000)
  assert.is(batch.producerEpoch(b, 0), 3)
  assert.is(batch.baseSequence(b, 0), 0x7fff_fffe)
  assert.is(batch.lastSequence(b, 0), 1, 'sequences wrap at 2^31')
  for (const { timestamp } of records(b, 0)) assert.is(timestamp, T + 9_999)
})

const directory = Buffer.from('00000000000000010000000000000002', 'hex').toString('base64url')
const NO_DIRECTORY = 'AAAAAAAAAAAAAAAAAAAAAA'
const voters = (...ids: number[]) =>
  ids.map((voterId) => ({ voterId, voterDirectoryId: NO_DIRECTORY }))
const control: Record<string, ControlRecord> = {
  commit: { type: 'commit', coordinatorEpoch: 11 },
  abort: { type: 'abort', coordinatorEpoch: 11 },
  leaderChange: {
    type: 'leaderChange',
    version: 0,
    leaderId: 1,
    voters: voters(1, 2),
    grantingVoters: voters(1),
  },
  snapshotHeader: {
    type: 'snapshotHeader',
    version: 0,
    lastContainedLogTimestamp: 1_600_000_000_000,
  },
  snapshotFooter: { type: 'snapshotFooter', version: 0 },
  kRaftVersion: { type: 'kRaftVersion', version: 0, kRaftVersion: 1 },
  kRaftVoters: {
    type: 'kRaftVoters',
    version: 0,
    voters: [
      {
        voterId: 1,
        voterDirectoryId: directory,
        endpoints: [{ name: 'CONTROLLER', host: 'localhost', port: 9093 }],
        kRaftVersionFeature: { minSupportedVersion: 0, maxSupportedVersion: 1 },
      },
    ],
  },
}

for (const [name, expected] of Object.entries(control)) {
  test(`the control record ${name} is read and written as Kafka does`, () => {
    const b = fromKafka(name)
    batch.checkBatch(b, 0)
    assert.ok(batch.isControl(b, 0))
    const [record] = records(b, 0)
    assert.equal(decodeControlRecord(record!.key, record!.value), expected)
    const { key, value } = encodeControlRecord(expected)
    assert.equal([key, value], [record!.key, record!.value])
  })
}

test('LeaderChange v1 carries directory ids, v0 refuses them', () => {
  const voter = { voterId: 1, voterDirectoryId: directory }
  const change = { type: 'leaderChange', leaderId: 1, voters: [voter], grantingVoters: [] } as const
  const v1: ControlRecord = { ...change, voters: [voter], grantingVoters: [], version: 1 }
  const { key, value } = encodeControlRecord(v1)
  assert.equal(decodeControlRecord(key, value), v1)
  assert.throws(() => encodeControlRecord({ ...v1, version: 0 }), refusal('UNSUPPORTED_VERSION'))
})

test('a control record of a type that is yet to come is passed over', () => {
  assert.is(decodeControlRecord(Buffer.from([0, 0, 0, 77]), Buffer.from([0, 0])), undefined)
})

test('a record set yields its whole batches and leaves out the torn last one', () => {
  const one = fromKafka('none')
  const set = Buffer.concat([one, fromKafka('gzip'), one])
  const second = one.length
  const third = second + fromKafka('gzip').length
  assert.equal([...batch.batches(set)], [0, second, third])
  assert.equal([...batch.batches(set, second)], [second, third])
  for (const cut of [1, 30, 61, one.length - 1]) {
    assert.equal([...batch.batches(set.subarray(0, third + cut))], [0, second], `${cut} bytes`)
  }
})

test('base offset and leader epoch are patched below the CRC', () => {
  const b = fromKafka('zstd')
  batch.setBaseOffset(b, 0, 2 ** 52 + 3)
  batch.setPartitionLeaderEpoch(b, 0, 12)
  batch.checkBatch(b, 0)
  assert.is(batch.baseOffset(b, 0), 2 ** 52 + 3)
  assert.is(batch.partitionLeaderEpoch(b, 0), 12)
})

test('a batch that gets the time of its append gets a new CRC', () => {
  const b = Buffer.concat([Buffer.alloc(5), fromKafka('none')])
  batch.setMaxTimestamp(b, 5, 'LogAppendTime', T + 77)
  batch.checkBatch(b, 5)
  assert.is(batch.timestampType(b, 5), 'LogAppendTime')
  assert.is(batch.maxTimestamp(b, 5), T + 77)
  batch.setMaxTimestamp(b, 5, 'CreateTime', T + 250)
  assert.equal(b.subarray(5), fromKafka('none'))
})

test('every flipped bit of a batch is noticed', () => {
  const whole = fromKafka('none')
  for (let at = 8; at < whole.length; at++) {
    // The leader epoch is not covered: whoever stores the batch sets it.
    if (at >= batch.layout.partitionLeaderEpoch && at < batch.layout.magic) continue
    const b = Buffer.from(whole)
    b[at] = b[at]! ^ (1 << (at % 8))
    assert.throws(
      () => batch.checkBatch(b, 0),
      (error: unknown) => error instanceof KafkaError,
    )
  }
})

const resealed = (change: (b: Buffer) => void): Buffer => {
  const b = fromKafka('none')
  change(b)
  b.writeUInt32BE(crc32c(b, batch.layout.attributes), batch.layout.crc)
  return b
}

test('old formats, false counts and unknown codecs are refused with their codes', () => {
  const magic = (value: number) => resealed((b) => b.writeInt8(value, batch.layout.magic))
  assert.throws(() => batch.checkBatch(magic(1), 0), refusal('INVALID_RECORD'))
  assert.throws(() => batch.checkBatch(magic(3), 0), refusal('CORRUPT_MESSAGE'))
  const count = (value: number) => resealed((b) => b.writeInt32BE(value, batch.layout.recordCount))
  assert.throws(() => batch.checkBatch(count(5), 0), refusal('CORRUPT_MESSAGE'))
  assert.throws(() => batch.checkBatch(count(-1), 0), refusal('CORRUPT_MESSAGE'))
  batch.checkBatch(count(3), 0)
  assert.throws(() => batch.checkDense(count(3), 0), refusal('INVALID_RECORD'))
  assert.throws(() => [...records(count(3), 0)], refusal('INVALID_RECORD'))
  const codec = resealed((b) => b.writeInt16BE(6, batch.layout.attributes))
  assert.throws(() => batch.checkBatch(codec, 0), refusal('UNSUPPORTED_COMPRESSION_TYPE'))
  const length = resealed((b) => b.writeInt32BE(20, batch.layout.batchLength))
  assert.throws(() => batch.checkBatch(length, 0), refusal('CORRUPT_MESSAGE'))
  assert.throws(() => [...batch.batches(length)], refusal('CORRUPT_MESSAGE'))
})

test('an offset beyond 2^53 - 1 is refused, a timestamp saturates', () => {
  const b = fromKafka('none')
  b.writeBigInt64BE(2n ** 53n, 0)
  assert.throws(() => batch.baseOffset(b, 0), refusal('CORRUPT_MESSAGE'))
  b.writeBigInt64BE(2n ** 63n - 1n, batch.layout.maxTimestamp)
  assert.is(batch.maxTimestamp(b, 0), Number.MAX_SAFE_INTEGER)
})

const blob = fc.option(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)))
const plainObject = { noNullPrototype: true }
const header = fc.record({ key: fc.string(), value: blob }, plainObject)
const record = fc.record(
  {
    key: blob,
    value: blob,
    timestamp: fc.integer({ min: 0, max: 2 ** 45 }),
    headers: fc.array(header, { maxLength: 3 }),
  },
  plainObject,
)

test('records come back from a batch as they went in, with every codec', () => {
  const sets = fc.array(record, { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(sets, fc.constantFrom(...codecs), (entries, compression) => {
      const b = encodeBatch({ baseOffset: 9, leaderEpoch: 1, records: entries, compression })
      assert.is(batch.checkBatch(b, 0), b.length)
      const expected = entries.map((entry, index) => ({ ...entry, offset: 9 + index }))
      assert.equal([...records(b, 0)], expected)
    }),
    { numRuns: 200 },
  )
})

test('offsets may have gaps, as compaction leaves them', () => {
  const entries = [5, 8, 9].map((offset) => ({ key: null, value: null, timestamp: T, offset }))
  const b = encodeBatch({ baseOffset: 5, leaderEpoch: 1, records: entries })
  assert.is(batch.lastOffset(b, 0), 9)
  assert.equal(
    [...records(b, 0)].map(({ offset }) => offset),
    [5, 8, 9],
  )
})

test.run()
