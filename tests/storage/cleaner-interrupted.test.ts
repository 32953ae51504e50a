/** Compaction amid all else: what a cut, a stop or a crash in the middle leaves, and that the loop turns (S9). */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Log, StorageError } from '../../actors/ports/log.ts'
import { compact, compacted, limits, named, put, show, withLog } from './compacted.ts'
import { faultyDisk } from './faulty-disk.ts'
import { of, readAll, topicId, until, withStorage } from './support.ts'

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
