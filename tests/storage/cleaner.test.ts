/** Compaction: which records stay, which go and when, and what a crash in the middle leaves (S9). */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type CleanerLimits,
  type Log,
  type LogConfig,
  StorageError,
} from '../../actors/ports/log.ts'
import { batches, compression, deleteHorizon, isControl } from '../../transport/records/batch.ts'
import { encodeControlRecord } from '../../transport/records/control.ts'
import { encodeBatch, type NewBatch, records } from '../../transport/records/records.ts'
import { faultyDisk } from './faulty-disk.ts'
import { type Bench, logConfig, of, readAll, topicId, until, withStorage } from './support.ts'

const HOUR = 3_600_000
const compacted: LogConfig = {
  ...logConfig,
  cleanupPolicy: ['compact'],
  deleteRetentionMs: HOUR,
  indexIntervalBytes: 100,
}
const limits: CleanerLimits = {
  mapBytesMax: 1e6,
  mapLoadFactor: 0.9,
  bytesPerSecondMax: Number.MAX_VALUE,
}

type Pairs = Record<string, string | null>

function put(log: Log, pairs: Pairs, more: Partial<NewBatch> & { time?: number } = {}) {
  const { time = 1_700_000_000_000, ...rest } = more
  const bytes = encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: Object.entries(pairs).map(([key, value]) => ({
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [{ key: 'for', value: Buffer.from(key) }],
      timestamp: time,
    })),
    ...rest,
  })
  const leaderEpoch = Math.max(0, rest.leaderEpoch ?? 0)
  return log.appendAsLeader(bytes, { leaderEpoch, nowMs: time, origin: 'coordinator' })
}

function mark(log: Log, producerId: number, type: 'commit' | 'abort') {
  const { key, value } = encodeControlRecord({ type, coordinatorEpoch: 0 })
  const bytes = encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: [{ key, value, timestamp: 1_700_000_000_000 }],
    producerId,
    producerEpoch: 0,
    isTransactional: true,
    isControl: true,
  })
  log.appendAsLeader(bytes, { leaderEpoch: 0, nowMs: 0, origin: 'coordinator' })
}

/** `offset key=value`, markers as `offset !`, header-only batches as `first-last`. */
function show(log: Log): string[] {
  const bytes = readAll(log)
  return [...batches(bytes)].flatMap((at) => {
    const inside = [...records(bytes, at)].map(({ offset, key, value }) =>
      isControl(bytes, at) ? `${offset} !` : `${offset} ${key}=${value ?? ''}`,
    )
    if (inside.length > 0) return inside
    const base = Number(bytes.readBigInt64BE(at))
    return [`${base}-${base + bytes.readInt32BE(at + 23)}`]
  })
}

/** Rolls, so that all so far can be cleaned, and cleans up to the log end. */
async function compact(log: Log, { clock }: Bench, more: Partial<CleanerLimits> = {}) {
  log.roll()
  await log.flush()
  return log.clean(log.endOffset(), clock.now(), { ...limits, ...more })
}

const withLog = (
  scenario: (log: Log, bench: Bench) => Promise<void>,
  config: Partial<LogConfig> = {},
  options: Parameters<typeof withStorage>[1] = {},
) =>
  withStorage(async (bench) => {
    const log = (await bench.start()).create(of, topicId, { ...compacted, ...config })
    await scenario(log, bench)
  }, options)

const named = (bench: Bench, suffix: string) =>
  readdirSync(join(bench.folder, 'orders-0')).filter((name) => name.endsWith(suffix))

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

test('where it got to is kept as Kafka keeps it, and a cut lowers it', async () => {
  await withLog(async (log, bench) => {
    const said = () => readFileSync(join(bench.folder, 'cleaner-offset-checkpoint'), 'utf8')
    for (let i = 0; i < 4; i++) put(log, { [`${i}`]: 'x' })
    await compact(log, bench)
    assert.is(said(), '0\n1\norders 0 4\n')
    log.truncateTo(3)
    assert.is(said(), '0\n1\norders 0 3\n')
    await bench.stop()
    assert.is(said(), '0\n1\norders 0 3\n')
    const again = (await bench.start()).get(of)!
    again.reconfigure(compacted)
    put(again, { 3: 'y' })
    assert.is((await compact(again, bench))?.cleanedTo, 4)
  })
})

test('a follower that fetched gaps is whole after a crash, whatever the default policy', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: '1', b: '1' })
    put(log, { a: '2' })
    put(log, { b: '2' })
    await compact(log, bench)
    const fetched = readAll(log)
    log.truncateFullyAndStartAt(0)
    log.appendAsFollower(fetched, 0)
    bench.crash()
    const again = (await bench.start({ cleanupPolicy: ['delete'] })).get(of)!
    assert.is(again.damage(), undefined)
    assert.equal(show(again), ['2 a=2', '3 b=2'])
  })
})

test('after a crash either checkpoint may be missing: what was compacted is no damage', async () => {
  for (const lost of ['cleaner-offset-checkpoint', 'recovery-point-offset-checkpoint']) {
    await withLog(async (log, bench) => {
      for (let i = 0; i < 4; i++) {
        put(log, { a: `${i}`, [`b${i}`]: 'x' }, { leaderEpoch: i })
        log.roll()
      }
      await compact(log, bench)
      put(log, { a: 'last' }, { leaderEpoch: 4 })
      const before = show(log)
      const ends = [0, 1, 2, 3, 4].map((epoch) => log.endOffsetFor(epoch))
      bench.crash()
      rmSync(join(bench.folder, lost))
      const again = (await bench.start({ cleanupPolicy: ['delete'] })).get(of)!
      assert.is(again.damage(), undefined, lost)
      assert.equal(show(again), before)
      assert.equal(
        [0, 1, 2, 3, 4].map((epoch) => again.endOffsetFor(epoch)),
        ends,
      )
    })
  }
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

test('a removal, a cut and a moved start in the middle harm nothing', async () => {
  const big = 'x'.repeat(50_000)
  const fill = (log: Log) => {
    for (let i = 0; i < 40; i++) put(log, { [`${i % 10}`]: big })
    log.roll()
  }
  const ending = {
    remove: (_log: Log, { remove }: { remove(): void }) => remove(),
    cut: (log: Log) => log.truncateTo(5),
    restart: (log: Log) => log.truncateFullyAndStartAt(100),
    advance: (log: Log) => log.advanceStartOffset(40),
  }
  for (const [name, end] of Object.entries(ending)) {
    await withStorage(async ({ start, clock }) => {
      const store = await start()
      const log = store.create(of, topicId, { ...compacted, segmentBytes: 600_000 })
      fill(log)
      await log.flush()
      const running = log.clean(40, clock.now(), limits)
      await new Promise((resolve) => setTimeout(resolve, 5))
      end(log, { remove: () => store.remove(of) })
      assert.is(await running, undefined, name)
      assert.ok(store.directories()[0]?.online, name)
      if (name !== 'remove') put(log, { after: name })
    })
  }
})

test('a stop at any moment of a cleaning leaves a sound log', async () => {
  for (const turns of [0, 1, 2, 4, 6, 8, 10, 12]) {
    await withLog(
      async (log, bench) => {
        for (let i = 0; i < 8; i++) put(log, { [`${i % 2}`]: `${i}` })
        log.roll()
        await log.flush()
        const running = log.clean(8, bench.clock.now(), limits)
        for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve, 1))
        await bench.stop()
        await running
        const again = (await bench.start()).get(of)!
        assert.is(again.damage(), undefined)
        assert.equal(show(again).slice(-2), ['6 0=6', '7 1=7'], `after ${turns} turns`)
      },
      { segmentBytes: 160 },
    )
  }
})

test('a process that dies at any call of the disk finds each last value again', async () => {
  const { disk, dieAfter, heal, calls } = faultyDisk()
  const config = { ...compacted, segmentBytes: 500 }
  for (let left = 0, isThrough = false; !isThrough; left++) {
    await withStorage(
      async (bench) => {
        const log = (await bench.start()).create(of, topicId, config)
        for (let i = 0; i < 8; i++) {
          const pairs = { [`${i % 2}`]: `${i}`, [`only ${i >> 2}`]: `${i}` }
          put(log, pairs, { leaderEpoch: i >> 1 })
        }
        log.roll()
        await log.flush()
        const before = calls()
        dieAfter(left)
        try {
          isThrough = (await log.clean(16, bench.clock.now(), limits)) !== undefined
        } catch (error) {
          if (!(error instanceof StorageError)) throw error
        }
        assert.ok(calls() > before)
        bench.crash()
        heal()
        const again = (await bench.start()).get(of)!
        assert.is(again.damage(), undefined, `after ${left}`)
        assert.is(again.endOffset(), 16)
        for (let epoch = 0; epoch < 4; epoch++) {
          const end = { epoch, endOffset: 4 * epoch + 4 }
          assert.equal(again.endOffsetFor(epoch), end, `after ${left}`)
        }
        const last = new Map(
          show(again).map(
            (row) => row.split(' ').slice(1).join(' ').split('=') as [string, string],
          ),
        )
        for (let k = 0; k < 2; k++) assert.is(last.get(`${k}`), `${6 + k}`, `after ${left}`)
        for (let k = 0; k < 2; k++)
          assert.is(last.get(`only ${k}`), `${k * 4 + 3}`, `after ${left}`)
        again.reconfigure(config)
        await compact(again, bench)
        assert.is(show(again).length, 4, `after ${left}`)
        await until('no litter', () => !named(bench, '').some((name) => /swap|cleaned/.test(name)))
      },
      { disk },
    )
  }
})

test('the loop turns while a log is cleaned', async () => {
  await withLog(async (log, bench) => {
    for (let i = 0; i < 60; i++) put(log, { [`${i % 10}`]: 'x'.repeat(20_000) })
    log.roll()
    await log.flush()
    let turns = 0
    const { setTimeout: real } = bench.clock
    bench.clock.setTimeout = (fn, ms) => {
      turns++
      return real(fn, ms)
    }
    await log.clean(60, bench.clock.now(), limits)
    assert.ok(turns > (2 * 60 * 20_000) / (128 * 1024 + 20_000), `${turns} turns`)
  })
})

test('a batch that decayed ends it, and is copied nowhere (S1)', async () => {
  await withLog(async (log, bench) => {
    put(log, { a: '1' })
    put(log, { a: '2' })
    log.roll()
    await log.flush()
    const { open, write, close } = bench.directories().logs[0]!.disk
    const fd = open(join(bench.folder, 'orders-0/00000000000000000000.log'), 'write')
    write(fd, Buffer.from('?'), 70)
    close(fd)
    try {
      await log.clean(2, bench.clock.now(), limits)
      assert.unreachable()
    } catch (error) {
      assert.match((error as Error).message, /CRC/)
    }
    assert.not(existsSync(join(bench.folder, 'orders-0/00000000000000000000.log.cleaned')))
  })
})

test.run()
