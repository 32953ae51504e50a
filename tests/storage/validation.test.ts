/** What a leader refuses to store, with Kafka's codes; and what it stamps. */
import { gzipSync } from 'node:zlib'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LogConfig, RecordValidationError } from '../../actors/ports/log.ts'
import {
  BATCH_HEADER_BYTES,
  batches,
  checkBatch,
  LOG_OVERHEAD,
  layout,
  maxTimestamp,
  timestampType,
} from '../../transport/records/batch.ts'
import { compress, UNPACKED_BYTES_MAX } from '../../transport/records/compression.ts'
import { crc32c } from '../../transport/records/crc32c.ts'
import { type NewBatch, records } from '../../transport/records/records.ts'
import { append, batchOf, logConfig, of, readAll, topicId, withStorage } from './support.ts'

const now = 1_700_000_000_000

function refuses(
  what: string,
  code: string,
  records: () => Buffer,
  config: Partial<LogConfig> = {},
) {
  test(`${what}: ${code}`, async () => {
    await withStorage(async ({ start }) => {
      const log = (await start()).create(of, topicId, { ...logConfig, ...config })
      assert.throws(
        () => append(log, records()),
        (error: { code?: string }) => error.code === code || assert.is(error.code, code),
      )
      assert.is(log.endOffset(), 0)
      assert.is(log.sizeBytes(), 0)
    })
  })
}

const changed = (change: (batch: Buffer) => void) => () => {
  const batch = batchOf(['a', 'b'])
  change(batch)
  return batch
}

refuses(
  'a flipped bit',
  'CORRUPT_MESSAGE',
  changed((b) => (b[b.length - 1]! ^= 1)),
)
refuses('a torn batch', 'CORRUPT_MESSAGE', () => batchOf(['a']).subarray(0, 60))
refuses(
  'an old format',
  'INVALID_RECORD',
  changed((b) => b.writeInt8(1, 16)),
)
refuses('nothing at all', 'INVALID_RECORD', () => Buffer.alloc(0))
refuses('two batches', 'INVALID_RECORD', () => Buffer.concat([batchOf(['a']), batchOf(['b'])]))
refuses('an offset of its own', 'INVALID_RECORD', () => batchOf(['a'], { baseOffset: 5 }))
refuses('a control batch', 'INVALID_RECORD', () => batchOf(['a'], { isControl: true }))
refuses('no sequence', 'INVALID_RECORD', () => batchOf(['a'], { producerId: 1, producerEpoch: 0 }))
refuses('too large', 'MESSAGE_TOO_LARGE', () => batchOf(['a'.repeat(100)]), {
  maxMessageBytes: 100,
})
refuses('larger than a segment', 'RECORD_LIST_TOO_LARGE', () => batchOf(['a'.repeat(200)]), {
  segmentBytes: 100,
})
refuses('no key where keys count', 'INVALID_RECORD', () => batchOf(['a']), {
  cleanupPolicy: ['compact'],
})
refuses('from the future', 'INVALID_TIMESTAMP', () => batchOf(['a'], { time: now + 3_600_001 }))
refuses('from long ago', 'INVALID_TIMESTAMP', () => batchOf(['a'], { time: now - 1001 }), {
  messageTimestampBeforeMaxMs: 1000,
})
refuses(
  "the broker's own stamp where brokers stamp",
  'INVALID_TIMESTAMP',
  () => batchOf(['a'], { timestampType: 'LogAppendTime' }),
  { messageTimestampType: 'LogAppendTime' },
)

/** The same batch with another payload; its CRC is right. */
const repacked = (packed: Buffer, more: Partial<NewBatch> = {}) => {
  const sound = batchOf(['a', 'b'], more)
  const batch = Buffer.concat([sound.subarray(0, BATCH_HEADER_BYTES), packed])
  batch.writeInt32BE(batch.length - LOG_OVERHEAD, layout.batchLength)
  batch.writeUInt32BE(crc32c(batch, layout.attributes, batch.length), layout.crc)
  return batch
}
const plain = () => batchOf(['a', 'b']).subarray(BATCH_HEADER_BYTES)
for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  refuses(`garbage that says ${compression}`, 'UNKNOWN_SERVER_ERROR', () =>
    repacked(Buffer.from('not what a codec wrote'), { compression }),
  )
  refuses(`fewer records than counted, ${compression}`, 'INVALID_RECORD', () =>
    repacked(compress(compression, plain().subarray(0, 9)), { compression }),
  )
  refuses(`more bytes than its records, ${compression}`, 'INVALID_RECORD', () =>
    repacked(compress(compression, Buffer.concat([plain(), Buffer.alloc(1)])), { compression }),
  )
  refuses(`offset deltas that do not count up, ${compression}`, 'UNKNOWN_SERVER_ERROR', () =>
    repacked(
      compress(compression, Buffer.concat([plain().subarray(0, 8), plain().subarray(0, 8)])),
      {
        compression,
      },
    ),
  )
}
refuses('a bomb', 'UNKNOWN_SERVER_ERROR', () =>
  repacked(gzipSync(Buffer.alloc(UNPACKED_BYTES_MAX + 1)), { compression: 'gzip' }),
)
refuses('plain records that are none', 'INVALID_RECORD', () =>
  repacked(Buffer.from('not what a producer wrote')),
)
refuses('a codec that there is not', 'UNKNOWN_SERVER_ERROR', () => {
  const batch = batchOf(['a'])
  batch[layout.attributes + 1] = 5
  batch.writeUInt32BE(crc32c(batch, layout.attributes, batch.length), layout.crc)
  return batch
})

test('records that are refused are named', async () => {
  await withStorage(async ({ start }) => {
    const config = {
      ...logConfig,
      cleanupPolicy: ['compact' as const],
      messageTimestampBeforeMaxMs: 1000,
    }
    const log = (await start()).create(of, topicId, config)
    const record = (key: string | null, age: number) => ({
      key: key === null ? null : Buffer.from(key),
      value: null,
      timestamp: now - age,
    })
    const records = [record('a', 0), record(null, 0), record('b', 2000), record('c', now + 1)]
    for (const compression of ['none', 'zstd'] as const) {
      assert.throws(
        () => append(log, batchOf([], { records, compression })),
        (error: RecordValidationError) => {
          assert.is(error.code, 'INVALID_TIMESTAMP')
          assert.equal(
            error.recordErrors.map(({ batchIndex }) => batchIndex),
            [1, 2],
          )
          return true
        },
      )
    }
  })
})

test('the largest time and its type are what the records have', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, logConfig)
    for (const compression of ['none', 'lz4'] as const) {
      const sent = batchOf(['a'], { time: now - 50, timestampType: 'LogAppendTime', compression })
      append(log, sent)
      const lying = batchOf(['a'], { time: now - 50, compression })
      lying.writeBigInt64BE(5n, layout.maxTimestamp)
      lying.writeUInt32BE(crc32c(lying, layout.attributes, lying.length), layout.crc)
      append(log, lying)
    }
    const stored = readAll(log)
    for (const at of batches(stored)) {
      assert.is(timestampType(stored, at), 'CreateTime')
      assert.is(maxTimestamp(stored, at), now - 50)
      checkBatch(stored, at)
    }
  })
})

test('LogAppendTime is stamped by the leader', async () => {
  await withStorage(async ({ start }) => {
    const config = { ...logConfig, messageTimestampType: 'LogAppendTime' as const }
    const store = await start()
    const log = store.create(of, topicId, config)
    assert.is(append(log, batchOf(['a'], { time: 5 })).logAppendTimeMs, now)
    const stored = readAll(log)
    assert.is(timestampType(stored, 0), 'LogAppendTime')
    assert.is(maxTimestamp(stored, 0), now)
    const follower = store.create({ topic: 'copy', partition: 0 }, topicId, logConfig)
    follower.appendAsFollower(stored, 0) // its CRC is right
    assert.equal(readAll(follower), stored)
  })
})

test('keys of a compacted topic are looked at inside compressed batches, too', async () => {
  await withStorage(async ({ start }) => {
    const config = { ...logConfig, cleanupPolicy: ['compact' as const] }
    const log = (await start()).create(of, topicId, config)
    const keyed = { key: Buffer.from('k'), value: null, timestamp: now }
    append(log, batchOf([], { records: [keyed], compression: 'gzip' }))
    const keyless = { ...keyed, key: null }
    assert.throws(
      () => append(log, batchOf([], { records: [keyed, keyless], compression: 'gzip' })),
      /1 records of 2 .* record 1, .* without a key/,
    )
  })
})

test('a topic with a compression of its own packs again', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, compressionType: 'gzip' })
    append(log, batchOf(['a'.repeat(500), 'b']))
    assert.ok(log.sizeBytes() < 200)
    const values = [...records(readAll(log), 0)].map(({ value }) => value?.toString())
    assert.equal(values, ['a'.repeat(500), 'b'])
    log.reconfigure({ ...logConfig, compressionType: 'uncompressed' })
    append(log, batchOf(['c'.repeat(500)], { compression: 'gzip' }))
    assert.ok(log.sizeBytes() > 500)
  })
})

test.run()
