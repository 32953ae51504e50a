/** Record batches for a broker to judge: sound, odd, and packed by each codec. */
import {
  type Compression,
  encodeAttributes,
  layout,
  writeHeader,
} from '../../../transport/records/batch.ts'
import { compress } from '../../../transport/records/compression.ts'
import { crc32c } from '../../../transport/records/crc32c.ts'
import { encodeBatch, type NewBatch } from '../../../transport/records/records.ts'

export const spring = 1_700_000_000_000
export const hourMs = 3_600_000

export const batchOf = (more: Partial<NewBatch> = {}, count = 1, timestamp = spring): Buffer =>
  encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: Array.from({ length: count }, (_, index) => ({
      key: Buffer.from(`key ${index}`),
      value: Buffer.from(`value ${index}`),
      timestamp: timestamp + index,
    })),
    ...more,
  })

/** A batch with bytes of its header changed, and the CRC right again. */
export function patched(b: Buffer, change: (b: Buffer) => void, rightCrc = true): Buffer {
  change(b)
  if (rightCrc) b.writeUInt32BE(crc32c(b, layout.attributes, b.length), layout.crc)
  return b
}

/** Batches that a partition refuses, or takes though they look odd. */
export const oddBatches: Record<string, () => Buffer> = {
  'wrong CRC': () => patched(batchOf(), (b) => b.writeUInt32BE(7, layout.crc), false),
  'magic 1': () => patched(batchOf(), (b) => b.writeInt8(1, layout.magic), false),
  'magic 0': () => patched(batchOf(), (b) => b.writeInt8(0, layout.magic), false),
  'magic 3': () => patched(batchOf(), (b) => b.writeInt8(3, layout.magic), false),
  'torn batch': () => batchOf().subarray(0, 70),
  'torn header': () => batchOf().subarray(0, 20),
  'bytes behind the batch': () => Buffer.concat([batchOf(), Buffer.alloc(30)]),
  'tiny length': () => patched(batchOf(), (b) => b.writeInt32BE(10, layout.batchLength), false),
  'negative length': () => patched(batchOf(), (b) => b.writeInt32BE(-5, layout.batchLength), false),
  'two batches': () => Buffer.concat([batchOf(), batchOf()]),
  'base offset 5': () => batchOf({ baseOffset: 5 }),
  'count above the records': () => patched(batchOf(), (b) => b.writeInt32BE(2, layout.recordCount)),
  'count 0': () => patched(batchOf(), (b) => b.writeInt32BE(0, layout.recordCount)),
  'count -1': () => patched(batchOf(), (b) => b.writeInt32BE(-1, layout.recordCount)),
  'last offset delta 1': () => patched(batchOf(), (b) => b.writeInt32BE(1, layout.lastOffsetDelta)),
  'last offset delta -1': () =>
    patched(batchOf(), (b) => b.writeInt32BE(-1, layout.lastOffsetDelta)),
  'control batch': () => batchOf({ isControl: true }),
  'transactional batch': () =>
    batchOf({ isTransactional: true, producerId: 5, producerEpoch: 0, baseSequence: 0 }),
  'transactional without producer': () => batchOf({ isTransactional: true }),
  'codec 7': () => patched(batchOf(), (b) => b.writeInt16BE(7, layout.attributes)),
  'codec 5': () => patched(batchOf(), (b) => b.writeInt16BE(5, layout.attributes)),
  gzip: () => batchOf({ compression: 'gzip' }, 3),
  snappy: () => batchOf({ compression: 'snappy' }, 3),
  lz4: () => batchOf({ compression: 'lz4' }, 3),
  zstd: () => batchOf({ compression: 'zstd' }, 3),
  'leader epoch 9': () => batchOf({ leaderEpoch: 9 }),
  'timestamp -1': () => batchOf({}, 1, -1),
  'timestamp 0': () => batchOf({}, 1, 0),
  'timestamp of the day after tomorrow': () => batchOf({}, 1, Date.now() + 48 * hourMs),
  'wrong max timestamp': () =>
    patched(batchOf(), (b) => b.writeBigInt64BE(5n, layout.maxTimestamp)),
  'producer without sequence': () => batchOf({ producerId: 5, producerEpoch: 0, baseSequence: -1 }),
  'producer with epoch -1': () => batchOf({ producerId: 5, producerEpoch: -1, baseSequence: 0 }),
  'headers and nulls': () =>
    encodeBatch({
      baseOffset: 0,
      leaderEpoch: -1,
      records: [
        { key: null, value: null, timestamp: spring, headers: [{ key: '', value: null }] },
        { key: Buffer.alloc(0), value: Buffer.alloc(0), timestamp: spring - 5 },
      ],
    }),
  'larger than allowed': () =>
    encodeBatch({
      baseOffset: 0,
      leaderEpoch: -1,
      records: [{ key: null, value: Buffer.alloc(1_048_600), timestamp: spring }],
    }),
}

type Lie = {
  count?: number
  lastOffsetDelta?: number
  maxTimestamp?: number
  type?: 'LogAppendTime'
}

/** A batch around bytes that are taken for its packed records. */
function around(codec: Compression, packed: Buffer, count: number, lie: Lie = {}): Buffer {
  const batch = Buffer.concat([Buffer.alloc(layout.records), packed])
  writeHeader(batch, 0, batch.length, {
    baseOffset: 0,
    partitionLeaderEpoch: -1,
    attributes: encodeAttributes({
      compression: codec,
      timestampType: lie.type ?? 'CreateTime',
      isTransactional: false,
      isControl: false,
      hasDeleteHorizon: false,
    }),
    lastOffsetDelta: lie.lastOffsetDelta ?? count - 1,
    baseTimestamp: spring,
    maxTimestamp: lie.maxTimestamp ?? spring + count - 1,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    recordCount: lie.count ?? count,
  })
  return batch
}

/** One record of these varints: deltas and sizes below 64 are one byte each. */
const record = (...bytes: number[]) => Buffer.from([bytes.length * 2, ...bytes])
const zigzag = (value: number) => (value < 0 ? -value * 2 - 1 : value * 2)
/** Attributes, timestamp delta, offset delta, key `k`, value `v`, no headers. */
const small = (offsetDelta: number, timestampDelta = offsetDelta) =>
  record(0, zigzag(timestampDelta), zigzag(offsetDelta), 2, 0x6b, 2, 0x76, 0)

/** Bodies that are not what the header says, by what is wrong. */
const lyingBodies: Record<string, [plain: Buffer, count: number, lie?: Lie]> = {
  sound: [Buffer.concat([small(0), small(1)]), 2],
  'a count above the records': [Buffer.concat([small(0), small(1)]), 3],
  'a count below the records': [Buffer.concat([small(0), small(1)]), 1],
  'bytes behind the last record': [Buffer.concat([small(0), Buffer.alloc(3)]), 1],
  'a record cut off': [small(0).subarray(0, 5), 1],
  'no records at all': [Buffer.alloc(0), 1],
  'a record of no length': [Buffer.from([0]), 1],
  'a key longer than its record': [record(0, 0, 0, 60, 0x6b, 2, 0x76, 0), 1],
  'a value longer than its record': [record(0, 0, 0, 2, 0x6b, 60, 0x76, 0), 1],
  'a value shorter than its record': [record(0, 0, 0, 2, 0x6b, 2, 0x76, 0, 9), 1],
  'negative headers': [record(0, 0, 0, 2, 0x6b, 2, 0x76, 1), 1],
  'headers that are not there': [record(0, 0, 0, 2, 0x6b, 2, 0x76, 4), 1],
  'a header without a key': [record(0, 0, 0, 2, 0x6b, 2, 0x76, 2, 1, 1), 1],
  'a header': [record(0, 0, 0, 2, 0x6b, 2, 0x76, 2, 2, 0x68, 1), 1],
  'a key of size -2': [record(0, 0, 0, 3, 2, 0x76, 0), 1],
  'attributes of a record': [record(7, 0, 0, 2, 0x6b, 2, 0x76, 0), 1],
  'a varint without end': [Buffer.alloc(12, 0xff), 1],
  'offset deltas with a gap': [Buffer.concat([small(0), small(2)]), 2],
  'offset deltas that repeat': [Buffer.concat([small(0), small(0, 1)]), 2],
  'offset deltas backwards': [Buffer.concat([small(1, 0), small(0, 1)]), 2],
  'a first offset delta of 1': [small(1, 0), 1],
  'times backwards': [Buffer.concat([small(0, 5), small(1, -5)]), 2, { maxTimestamp: spring + 5 }],
  'a largest time too early': [Buffer.concat([small(0), small(1, 9)]), 2],
  'a largest time too late': [
    Buffer.concat([small(0), small(1)]),
    2,
    { maxTimestamp: spring + 99 },
  ],
  'the stamp of a broker': [
    Buffer.concat([small(0), small(1)]),
    2,
    { type: 'LogAppendTime', maxTimestamp: spring + 77 },
  ],
}

/** Packed, Kafka takes them, and no consumer can read them. */
const wrongLengths: typeof lyingBodies = {
  'a record longer than the rest': [Buffer.from([60, 0, 0, 0, 2, 0x6b, 2, 0x76, 0]), 1],
  'a record of negative length': [Buffer.from([1, 0, 0, 0, 2, 0x6b, 2, 0x76, 0]), 1],
}

export const codecs: Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** Each codec with each body; and what no codec unpacks. */
export const packedBatches: Record<string, () => Buffer> = Object.fromEntries(
  codecs.flatMap((codec) => [
    ...Object.entries(codec === 'none' ? { ...lyingBodies, ...wrongLengths } : lyingBodies).map(
      ([what, [plain, count, lie]]) => [
        `${codec}, ${what}`,
        () => around(codec, compress(codec, plain), count, lie),
      ],
    ),
    ...(codec === 'none' ? [] : notPacked(codec)),
  ]),
)

function notPacked(codec: Compression) {
  const sound = compress(codec, Buffer.concat([small(0), small(1)]))
  return Object.entries({
    garbage: Buffer.from('this is no compressed payload'),
    nothing: Buffer.alloc(0),
    'a frame cut off': sound.subarray(0, sound.length - 6),
    ...looksBehind(codec, sound),
    'a frame with its last byte changed': Buffer.concat([
      sound.subarray(0, sound.length - 1),
      Buffer.from([sound[sound.length - 1]! ^ 0x55]),
    ]),
    'plain records': Buffer.concat([small(0), small(1)]),
  }).map(([what, packed]) => [`${codec}, ${what}`, () => around(codec, packed, 2)] as const)
}

/** Behind the end of gzip's and lz4's frames Kafka does not look; no producer leaves something there. */
function looksBehind(codec: Compression, sound: Buffer): Record<string, Buffer> {
  if (codec === 'gzip' || codec === 'lz4') return {}
  return { 'a frame with bytes behind it': Buffer.concat([sound, Buffer.from('more')]) }
}
