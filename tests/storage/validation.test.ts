/** What a leader refuses to store, with Kafka's codes; and what it stamps. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { LogConfig } from '../../actors/ports/log.ts'
import { maxTimestamp, timestampType } from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
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
refuses("the broker's own stamp", 'INVALID_TIMESTAMP', () =>
  batchOf(['a'], { timestampType: 'LogAppendTime' }),
)

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
      /record 1 .* no key/,
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
