/** Compaction: which records stay, and which go and when (S9). */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { batches, compression, deleteHorizon } from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
import { compact, compacted, HOUR, limits, mark, named, put, show, withLog } from './compacted.ts'
import { of, readAll } from './support.ts'

test('of each key the last value stays, at its offset; the log end stays; small segments are joined', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: '1', b: '1', c: '1' })
    log.roll()
    put(log, { a: '2', d: '1' })
    log.roll()
    put(log, { b: '2', d: '2' })
    const end = log.endOffset()
    assert.equal(await compact(log, bench), {
      cleanedTo: 7,
      bytesBefore: 3 * 61 + 7 * 15,
      bytesAfter: 3 * 61 + 4 * 15,
    })
    assert.equal(show(log), ['2 c=1', '3 a=2', '5 b=2', '6 d=2'])
    assert.is(log.endOffset(), end)
    assert.equal(named(bench, '.log').length, 2, 'one, and the active one')
    put(log, { c: null, a: '3' })
    await compact(log, bench)
    assert.equal(show(log), ['5 b=2', '6 d=2', '7 c=', '8 a=3'])
    for (const ending of ['stop', 'crash'] as const) {
      await bench[ending]()
      const again = (await bench.start()).get(of)!
      assert.equal(show(again), ['5 b=2', '6 d=2', '7 c=', '8 a=3'], ending)
      assert.is(again.damage(), undefined)
      assert.is(again.endOffset(), 9)
    }
  })
})

test('a committed value stays while what supersedes it is not (KAFKA-13194)', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: 'committed' })
    log.roll()
    put(log, { a: 'not yet' })
    log.roll()
    await log.flush()
    assert.is(log.cleanable(0, bench.clock.now()), undefined)
    await log.clean(1, bench.clock.now(), limits)
    assert.equal(show(log), ['0 a=committed', '1 a=not yet'])
    log.truncateTo(1)
    assert.equal(show(log), ['0 a=committed'])
  })
})

test('neither the active segment nor what is not synced is touched', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: '1' })
    put(log, { a: '2' })
    await log.flush()
    assert.is(await log.clean(2, bench.clock.now(), limits), undefined)
    log.roll()
    await log.flush()
    assert.ok(await log.clean(2, bench.clock.now(), limits))
    assert.equal(show(log), ['1 a=2'])
  })
})

test('a tombstone is seen for delete.retention.ms from its first cleaning, then it goes', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: '1', b: '1' })
    put(log, { a: null })
    put(log, { x: '1' })
    await compact(log, bench)
    const horizons = () => {
      const bytes = readAll(log)
      return [...batches(bytes)].map((at) => deleteHorizon(bytes, at))
    }
    const at = bench.clock.now() + HOUR
    assert.equal(horizons(), [undefined, at, undefined])
    bench.clock.advance(HOUR - 1)
    put(log, { x: '2' })
    await compact(log, bench)
    assert.equal(show(log), ['1 b=1', '2 a=', '4 x=2'])
    assert.equal(horizons(), [undefined, at, undefined], 'it is set once')
    bench.clock.advance(1)
    put(log, { x: '3' })
    await compact(log, bench)
    assert.equal(show(log), ['1 b=1', '5 x=3'])
  })
})

test('timestamps survive a delete horizon, and are found by time', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: null, b: '1' }, { time: 1000 })
    put(log, { a: null, c: '1' }, { time: 2000 })
    await compact(log, bench)
    const bytes = readAll(log)
    const times = [...batches(bytes)].flatMap((at) =>
      [...records(bytes, at)].map(({ offset, timestamp }) => [offset, timestamp]),
    )
    assert.equal(times, [
      [1, 1000],
      [2, 2000],
      [3, 2000],
    ])
    const found = (time: number) => log.offsetForTimestamp(time, 4)
    assert.equal(found(500), { offset: 1, timestamp: 1000, leaderEpoch: 0 })
    assert.equal(found(1500), { offset: 2, timestamp: 2000, leaderEpoch: 0 })
    assert.equal(log.maxTimestamp(4), { offset: 2, timestamp: 2000, leaderEpoch: 0 })
  })
})

test('the last batch of each producer stays, if only as its header', async () => {
  await withLog(async (log, bench) => {
    const producer = { producerId: 5, producerEpoch: 3 }
    put(log, { a: '1' }, { ...producer, baseSequence: 0 })
    put(log, { a: '2', b: '1' }, { ...producer, baseSequence: 1 })
    put(log, { a: '3', b: '2' })
    await compact(log, bench)
    assert.equal(show(log), ['1-2', '3 a=3', '4 b=2'])
    const [before] = log.producers()
    bench.crash()
    for (const name of named(bench, '.snapshot')) rmSync(join(bench.folder, 'orders-0', name))
    const again = (await bench.start()).get(of)!
    assert.equal(again.producers(), [before])
    again.reconfigure(compacted)
    put(again, { a: '4' }, { ...producer, baseSequence: 3 })
    await compact(again, bench)
    assert.equal(show(again), ['4 b=2', '5 a=4'], 'until there is a later one')
  })
})

test('an aborted value supersedes nothing and goes; a committed one does', async () => {
  await withLog(async (log, bench) => {
    const txn = { producerId: 5, producerEpoch: 0, isTransactional: true }
    put(log, { a: '1', b: '1' })
    put(log, { a: 'aborted' }, { ...txn, baseSequence: 0 })
    mark(log, 5, 'abort')
    put(log, { b: 'committed' }, { ...txn, baseSequence: 1 })
    mark(log, 5, 'commit')
    put(log, { x: '1' })
    await compact(log, bench)
    assert.equal(show(log), ['0 a=1', '3 !', '4 b=committed', '5 !', '6 x=1'])
  })
})

test('a marker outlives its data by delete.retention.ms', async () => {
  await withLog(async (log, bench) => {
    const txn = { producerId: 5, producerEpoch: 0, isTransactional: true }
    put(log, { a: '1' }, { ...txn, baseSequence: 0 })
    mark(log, 5, 'commit')
    put(log, { b: '1' }, { ...txn, baseSequence: 1 })
    mark(log, 5, 'commit')
    const step = async (expected: string[]) => {
      put(log, { a: 'next' })
      await compact(log, bench)
      const rest = show(log).filter((row) => !row.includes('next'))
      assert.equal(rest, expected)
    }
    await step(['1 !', '2 b=1', '3 !'])
    await step(['1 !', '2 b=1', '3 !'])
    bench.clock.advance(HOUR)
    await step(['2 b=1', '3 !'])
    bench.clock.advance(10 * HOUR)
    await step(['2 b=1', '3 !'])
  })
})

test('a transaction that nothing has ended holds up all from its begin', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: '1' })
    put(log, { a: '2' })
    log.roll()
    put(
      log,
      { a: 'open' },
      { producerId: 5, producerEpoch: 0, isTransactional: true, baseSequence: 0 },
    )
    put(log, { a: '3' })
    assert.is((await compact(log, bench))?.cleanedTo, 2)
    assert.equal(show(log), ['1 a=2', '2 a=open', '3 a=3'])
    mark(log, 5, 'commit')
    await compact(log, bench)
    assert.equal(show(log), ['2-2', '3 a=3', '4 !'])
  })
})

test('compressed batches are packed again as they were, headers and all', async () => {
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
    await withLog(async (log, bench) => {
      put(log, { a: '1', b: '1'.repeat(500), c: '1' }, { compression: codec })
      put(log, { a: '2' })
      await compact(log, bench)
      const bytes = readAll(log)
      assert.is(compression(bytes, 0), codec)
      const kept = [...records(bytes, 0)]
      assert.equal(
        kept.map(({ offset, key }) => `${offset} ${key}`),
        ['1 b', '2 c'],
      )
      assert.equal(kept[0]?.headers, [{ key: 'for', value: Buffer.from('b') }])
    })
  }
})

test('it is due by dirt, or by the age of the oldest dirty record', async () => {
  await withLog(
    async (log, { clock }) => {
      put(log, { a: '1', b: '1' }, { time: clock.now() })
      log.roll()
      await log.flush()
      assert.equal(log.cleanable(2, clock.now()), { dirtyRatio: 1, isDue: true })
      await log.clean(2, clock.now(), limits)
      assert.is(log.cleanable(2, clock.now()), undefined)
      put(log, { a: '2' }, { time: clock.now() })
      log.roll()
      await log.flush()
      const found = log.cleanable(3, clock.now())!
      assert.ok(found.dirtyRatio > 0.4 && found.dirtyRatio < 0.5)
      assert.not(found.isDue)
      clock.advance(2 * HOUR)
      assert.ok(log.cleanable(3, clock.now())?.isDue)
    },
    { maxCompactionLagMs: HOUR },
  )
})

test('what is younger than min.compaction.lag.ms waits', async () => {
  await withLog(
    async (log, { clock }) => {
      for (let i = 0; i < 3; i++) {
        put(log, { a: String(i) }, { time: clock.now() })
        log.roll()
        clock.advance(HOUR / 2)
      }
      await log.flush()
      await log.clean(3, clock.now(), limits)
      assert.equal(show(log), ['1 a=1', '2 a=2'], 'the first two are an hour old')
    },
    { minCompactionLagMs: HOUR },
  )
})

test('more keys than the map holds take several cleanings', async () => {
  await withLog(async (log, bench) => {
    const keys = (value: string) =>
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key ${i}`, value]))
    put(log, keys('old'))
    put(log, keys('new'))
    const small = { mapBytesMax: 9 * 24 }
    let cleanings = 0
    for (let done = await compact(log, bench, small); done; cleanings++) {
      done = await log.clean(log.endOffset(), bench.clock.now(), { ...limits, ...small })
    }
    assert.ok(cleanings > 3)
    assert.equal(
      show(log),
      Object.keys(keys('')).map((key, i) => `${20 + i} ${key}=new`),
    )
  })
})

test('with compact,delete old segments go as well', async () => {
  await withLog(
    async (log, bench) => {
      put(log, { a: '1' }, { time: bench.clock.now() })
      log.roll()
      put(log, { b: '1' }, { time: bench.clock.now() + HOUR })
      await compact(log, bench)
      assert.equal(show(log), ['0 a=1', '1 b=1'])
      bench.clock.advance(3 * HOUR)
      log.applyRetention(2, bench.clock.now())
      assert.is(log.startOffset(), 2)
      assert.equal(show(log), [])
    },
    { cleanupPolicy: ['compact', 'delete'], retentionMs: HOUR },
  )
})

test.run()
