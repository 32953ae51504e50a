/** One partition's log: appends, reads, cuts, epochs, and what a restart brings back. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  append,
  batchOf,
  logConfig,
  of,
  readAll,
  readFrom,
  topicId,
  withStorage,
} from './support.ts'

const small = { segmentBytes: 1000, indexIntervalBytes: 100 }
const values = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `value-${from + i}`)

test('what is appended is read back, whole batches, from any offset inside', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, logConfig)
    assert.is(append(log, batchOf(['a', 'b', 'c'])).baseOffset, 0)
    assert.is(append(log, batchOf(['d', 'e'])).baseOffset, 3)
    assert.is(log.endOffset(), 5)
    const second = log.read(4, 1_000_000, 5, true)
    assert.is(second.readBigInt64BE(0), 3n)
    assert.is(log.read(0, 1_000_000, 3, true).length + second.length, readAll(log).length)
    assert.is(log.read(5, 1_000_000, 5, true).length, 0)
    assert.is(log.read(0, 1, 5, false).length, 0, 'too little for the first batch')
    assert.is(log.read(0, 1, 5, true).readBigInt64BE(0), 0n)
    assert.throws(
      () => log.read(6, 1, 6, true),
      (e: { code: string }) => e.code === 'OFFSET_OUT_OF_RANGE',
    )
  })
})

test('a restart brings back the same bytes from many segments', async () => {
  await withStorage(async ({ start, stop, crash, folder }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, ...small })
    for (let i = 0; i < 100; i++) append(log, batchOf(values(3, i)), Math.floor(i / 30))
    const before = readAll(log)
    const epochs = [0, 1, 2, 3].map((epoch) => log.endOffsetFor(epoch))
    assert.is(epochs[1]?.endOffset, 180)
    assert.ok(readdirSync(join(folder, 'orders-0')).length > 20, 'it rolled')
    await stop()
    for (const end of [stop, async () => crash()]) {
      const again = (await start(small)).get(of)!
      assert.is(again.endOffset(), 300)
      assert.equal(readAll(again), before)
      assert.equal(
        [0, 1, 2, 3].map((epoch) => again.endOffsetFor(epoch)),
        epochs,
      )
      for (let offset = 0; offset < 300; offset += 7) {
        const read = again.read(offset, 10_000, 300, true)
        assert.is(Number(read.readBigInt64BE(0)), offset - (offset % 3))
      }
      await end()
    }
  })
})

test('a cut shrinks bytes, epochs and producers, and appends go on from there', async () => {
  await withStorage(async ({ start, stop }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, ...small })
    const idempotent = { producerId: 9, producerEpoch: 0 }
    for (let i = 0; i < 50; i++) {
      append(log, batchOf(values(2, i), { ...idempotent, baseSequence: i * 2 }), i < 20 ? 1 : 4)
    }
    const kept = readFrom(log, 0, 30)
    log.truncateTo(31)
    assert.is(log.endOffset(), 30, 'a batch is not cut in two')
    assert.equal(readAll(log), kept)
    assert.is(log.latestEpoch(), 1)
    assert.is(log.producers()[0]?.lastSequence, 29)
    append(log, batchOf(['x'], { ...idempotent, baseSequence: 30 }), 5)
    assert.equal(log.endOffsetFor(4), { epoch: 1, endOffset: 30 })
    assert.is(log.epochAt(30), 5)
    log.assignEpoch(6, 31)
    log.truncateTo(31)
    assert.is(log.latestEpoch(), 5, 'a cut at the end takes what began there')
    const before = readAll(log)
    await stop()
    assert.equal(readAll((await start(small)).get(of)!), before)
  })
})

test('a full cut leaves an empty log that begins where it was told to', async () => {
  await withStorage(async ({ start, crash }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, ...small })
    for (let i = 0; i < 20; i++) append(log, batchOf(values(5, i)))
    log.truncateFullyAndStartAt(1000)
    assert.equal([log.startOffset(), log.endOffset()], [1000, 1000])
    assert.is(log.latestEpoch(), undefined)
    assert.is(append(log, batchOf(['a']), 3).baseOffset, 1000)
    crash()
    const again = (await start(small)).get(of)!
    assert.equal([again.startOffset(), again.endOffset()], [1000, 1001])
  })
})

test('a follower takes dense, sound batches and nothing else', async () => {
  await withStorage(async ({ start }) => {
    const store = await start()
    const leader = store.create(of, topicId, logConfig)
    const follower = store.create({ topic: 'orders', partition: 1 }, topicId, logConfig)
    for (let i = 0; i < 5; i++) append(leader, batchOf(values(2, i)), i)
    const records = readAll(leader)
    const corrupt = (e: { code: string }) => e.code === 'CORRUPT_MESSAGE'
    const flipped = Buffer.from(records)
    flipped[records.length - 1]! ^= 1
    assert.throws(() => follower.appendAsFollower(flipped, 4), corrupt)
    assert.throws(() => follower.appendAsFollower(records, 3), corrupt, 'a later epoch than asked')
    const second = records.subarray(12 + records.readInt32BE(8))
    assert.throws(() => follower.appendAsFollower(second, 4), corrupt, 'a gap')
    assert.is(follower.endOffset(), 0)
    const torn = records.subarray(0, records.length - 1)
    assert.is(follower.appendAsFollower(torn, 4)?.lastOffset, 7)
    const rest = leader.read(8, 1_000_000, 10, true)
    assert.is(follower.appendAsFollower(rest, 4)?.lastOffset, 9)
    assert.throws(() => follower.appendAsFollower(rest, 4), corrupt, 'twice')
    assert.equal(readAll(follower), records)
    assert.equal(follower.endOffsetFor(2), leader.endOffsetFor(2))
  })
})

test('an empty follower that starts inside a batch takes the whole of it', async () => {
  await withStorage(async ({ start }) => {
    const store = await start()
    const leader = store.create(of, topicId, logConfig)
    append(leader, batchOf(values(10)))
    const follower = store.create({ topic: 'orders', partition: 1 }, topicId, logConfig)
    follower.truncateFullyAndStartAt(4)
    follower.appendAsFollower(leader.read(4, 1000, 10, true), 0)
    assert.equal([follower.startOffset(), follower.endOffset()], [4, 10])
    assert.equal(follower.read(4, 1000, 10, true), readAll(leader))
  })
})

test('reads past the tail cache come from the files, byte for byte', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, segmentBytes: 200_000 })
    const sent: Buffer[] = []
    for (let i = 0; i < 40; i++) {
      const batch = batchOf([`${i}`.repeat(10_000 + i * 100)])
      append(log, batch)
      sent.push(Buffer.from(batch))
    }
    log.truncateTo(39) // drops the cache
    assert.equal(readFrom(log, 0, 39), Buffer.concat(sent.slice(0, 39)))
    for (let offset = 0; offset < 39; offset++) {
      assert.equal(log.read(offset, 1, 39, true), sent[offset])
    }
  })
})

test('retention removes whole old segments below the high watermark', async () => {
  await withStorage(async ({ start, clock }) => {
    const config = { ...logConfig, ...small, retentionMs: 1000 }
    const log = (await start()).create(of, topicId, config)
    for (let i = 0; i < 50; i++) append(log, batchOf(values(2, i)))
    const later = clock.now() + 2000
    assert.is(log.applyRetention(0, later).deletedSegments, 0)
    assert.ok(log.applyRetention(50, later).deletedSegments > 0)
    const start1 = log.startOffset()
    assert.ok(start1 > 0 && start1 <= 50)
    log.applyRetention(100, later)
    assert.equal([log.startOffset(), log.endOffset()], [100, 100], 'the end stays')
    assert.is(append(log, batchOf(['a'])).baseOffset, 100)
  })
})

test('retention by size keeps at least what is allowed', async () => {
  await withStorage(async ({ start, clock }) => {
    const config = { ...logConfig, ...small, retentionBytes: 3000 }
    const log = (await start()).create(of, topicId, config)
    for (let i = 0; i < 100; i++) append(log, batchOf(values(2, i)))
    log.applyRetention(200, clock.now())
    assert.ok(log.sizeBytes() >= 3000 && log.sizeBytes() < 4100, `${log.sizeBytes()} bytes`)
  })
})

test('a raised log start is kept over a clean stop', async () => {
  await withStorage(async ({ start, stop }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, ...small })
    for (let i = 0; i < 50; i++) append(log, batchOf(values(2, i)), i < 10 ? 0 : 1)
    log.advanceStartOffset(51)
    assert.equal(log.endOffsetFor(0), { epoch: 0, endOffset: 20 }, 'it ended below the start')
    assert.is(log.epochAt(51), 1)
    await stop()
    const again = (await start(small)).get(of)!
    assert.is(again.startOffset(), 51)
    assert.is(again.read(51, 1000, 100, true).readBigInt64BE(0), 50n)
  })
})

test('records are found by their time', async () => {
  await withStorage(async ({ start, stop }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, ...small })
    for (let i = 0; i < 100; i++) append(log, batchOf(values(2, i), { time: 1000 + i * 10 }))
    append(log, batchOf(['early'], { time: 500 }))
    const check = (which: typeof log) => {
      assert.equal(which.offsetForTimestamp(0, 201), { offset: 0, timestamp: 1000, leaderEpoch: 0 })
      assert.is(which.offsetForTimestamp(1501, 201)?.offset, 102)
      assert.is(which.offsetForTimestamp(1501, 102), undefined)
      assert.is(which.offsetForTimestamp(5000, 201), undefined)
      assert.equal(which.maxTimestamp(201), { offset: 198, timestamp: 1990, leaderEpoch: 0 })
      assert.is(which.maxTimestamp(100)?.offset, 98)
    }
    check(log)
    await stop()
    check((await start(small)).get(of)!)
  })
})

test('a flush covers what was there when it began, less what was cut meanwhile', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, logConfig)
    append(log, batchOf(['a', 'b']))
    const first = log.flush()
    append(log, batchOf(['c', 'd']))
    const second = log.flush()
    const shared = log.flush()
    log.truncateTo(3)
    assert.is(await first, 2)
    assert.is(await second, 2)
    assert.is(await shared, 2)
    assert.is(log.recoveryPoint(), 2)
    append(log, batchOf(['x', 'y']))
    const third = log.flush()
    await Promise.resolve()
    log.truncateTo(2)
    append(log, batchOf(['z', 'z', 'z']))
    assert.is(await third, 2, 'S14: what was cut and written anew does not count')
    assert.is(await log.flush(), 5)
  })
})

test('bytes between two offsets are those of the batches between', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, ...small })
    for (let i = 0; i < 60; i++) append(log, batchOf(values(2, i)))
    assert.is(log.bytesBetween(0, 120), log.sizeBytes())
    assert.is(log.bytesBetween(10, 50), readFrom(log, 10, 50).length)
    assert.is(log.bytesBetween(50, 10), 0)
  })
})

test.run()
