/** After a crash: the torn tail goes, nothing else does, and what was lost below is told. */
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  append,
  type Bench,
  batchOf,
  logConfig,
  of,
  readAll,
  topicId,
  withStorage,
} from './support.ts'

const small = { segmentBytes: 700, indexIntervalBytes: 100 }
const offsetsOf = (name: string) => Number(name.slice(0, 20))

/** A crashed log of `count` batches, and where each of them ends in its bytes. */
async function crashedLog({ start, crash }: Bench, count: number, config = {}) {
  const store = await start(config)
  const log = store.create(of, topicId, { ...logConfig, ...config })
  const ends: number[] = []
  for (let i = 0; i < count; i++) {
    const batch = batchOf([`value ${i}`, 'more'], {
      producerId: 5,
      producerEpoch: 0,
      baseSequence: i * 2,
    })
    append(log, batch, Math.floor(i / 3))
    ends.push((ends.at(-1) ?? 0) + batch.length)
  }
  const bytes = Buffer.from(readAll(log))
  crash()
  return { bytes, ends }
}

/** Starts over a spoiled copy of the crashed folder, looks, and puts the copy back. */
async function spoiled(
  { folder, start, crash }: Bench,
  config: object,
  spoil: (path: string) => void,
  look: (log: ReturnType<Awaited<ReturnType<Bench['start']>>['get']>) => void,
) {
  const path = join(folder, 'orders-0')
  const kept = `${folder}-kept`
  rmSync(kept, { recursive: true, force: true })
  cpSync(path, kept, { recursive: true })
  spoil(path)
  look((await start(config)).get(of))
  crash()
  rmSync(path, { recursive: true, force: true })
  cpSync(kept, path, { recursive: true })
}

test('a tail torn at any byte is cut to the last whole batch', async () => {
  await withStorage(async (bench) => {
    const { bytes, ends } = await crashedLog(bench, 6)
    for (let size = 0; size <= bytes.length; size++) {
      await spoiled(
        bench,
        {},
        (path) => truncateSync(join(path, '00000000000000000000.log'), size),
        (log) => {
          const whole = ends.filter((end) => end <= size)
          assert.is(log?.endOffset(), whole.length * 2)
          assert.equal(readAll(log!), bytes.subarray(0, whole.at(-1) ?? 0))
          assert.is(
            log?.latestEpoch(),
            whole.length === 0 ? undefined : Math.floor((whole.length - 1) / 3),
          )
          assert.is(log?.damage(), undefined)
          append(
            log!,
            batchOf(['next'], { producerId: 5, producerEpoch: 0, baseSequence: whole.length * 2 }),
            2,
          )
        },
      )
    }
  })
})

test('a flipped bit is never served, and sound batches behind it are told of', async () => {
  await withStorage(async (bench) => {
    const { bytes, ends } = await crashedLog(bench, 6)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (byte, bit) => {
        const hit = ends.findIndex((end) => byte < end)
        const inBatch = byte - (ends[hit - 1] ?? 0)
        fc.pre(inBatch < 12 || inBatch >= 16) // the leader epoch is not covered by the CRC
        await spoiled(
          bench,
          {},
          (path) => {
            const file = join(path, '00000000000000000000.log')
            const content = readFileSync(file)
            content[byte]! ^= 1 << bit
            writeFileSync(file, content)
          },
          (log) => {
            assert.is(log?.endOffset(), hit * 2)
            assert.equal(readAll(log!), bytes.subarray(0, ends[hit - 1] ?? 0))
            const lengthHolds = inBatch < 8 || inBatch >= 12
            if (lengthHolds && hit < 5) assert.ok(log?.damage(), 'more than a torn tail is gone')
          },
        )
      }),
      { numRuns: 100 },
    )
  })
})

test('damage below the recovery point makes the log suspect', async () => {
  await withStorage(async (bench) => {
    const store = await bench.start()
    const log = store.create(of, topicId, logConfig)
    for (let i = 0; i < 4; i++) append(log, batchOf([`value ${i}`]))
    await log.flush()
    await store.checkpointRecoveryPoints()
    bench.crash()
    const look = (endOffset: number) => (found: typeof log | undefined) =>
      assert.equal(found?.damage(), { endOffset, recoveryPoint: 4, heldEnd: endOffset })
    const cut = (path: string) => truncateSync(join(path, '00000000000000000000.log'), 100)
    await spoiled(bench, {}, cut, look(1))
    await spoiled(
      bench,
      {},
      () => {},
      (found) => assert.is(found?.damage(), undefined),
    )
  })
})

test('a cut below the recovery point is no damage after a crash', async () => {
  await withStorage(async (bench) => {
    const store = await bench.start()
    const log = store.create(of, topicId, logConfig)
    for (let i = 0; i < 4; i++) append(log, batchOf([`value ${i}`]))
    await log.flush()
    await store.checkpointRecoveryPoints()
    log.truncateTo(2)
    bench.crash()
    const again = (await bench.start()).get(of)
    assert.is(again?.endOffset(), 2)
    assert.is(again?.damage(), undefined)
  })
})

test('a cut below the log start lowers it for good', async () => {
  await withStorage(async ({ start, crash }) => {
    const store = await start()
    const log = store.create(of, topicId, logConfig)
    for (let i = 0; i < 10; i++) append(log, batchOf([`v${i}`]))
    await log.flush()
    log.advanceStartOffset(8)
    await store.checkpointLogStarts()
    log.truncateTo(3)
    append(log, batchOf(['w3']), 1)
    crash()
    const again = (await start()).get(of)!
    assert.equal([again.startOffset(), again.endOffset()], [3, 4])
    for (let i = 4; i < 12; i++) append(again, batchOf([`w${i}`]), 1)
    crash()
    const grown = (await start()).get(of)!
    assert.equal([grown.startOffset(), grown.endOffset()], [3, 12])
  })
})

test('a log start that moved and was not checkpointed is back, and so are its epochs (P14)', async () => {
  await withStorage(async ({ start, crash }) => {
    const store = await start()
    const log = store.create(of, topicId, logConfig)
    for (let i = 0; i < 4; i++) append(log, batchOf([`v${i}`]))
    for (let i = 4; i < 10; i++) append(log, batchOf([`v${i}`]), 1)
    log.roll()
    append(log, batchOf(['v10']), 1)
    log.advanceStartOffset(8)
    await log.flush()
    await store.checkpointRecoveryPoints()
    crash()
    const again = (await start()).get(of)!
    assert.equal([again.startOffset(), again.endOffset()], [0, 11])
    assert.equal([0, 3, 4, 8].map(again.epochAt, again), [0, 0, 1, 1])
  })
})

test('of old segments that a power cut brings back in part, none stays (P15)', async () => {
  await withStorage(async ({ start, crash, folder }) => {
    const store = await start()
    const log = store.create(of, topicId, logConfig)
    for (let i = 0; i < 8; i++) {
      append(log, batchOf([`v${i}`]))
      if (i % 2 === 1) log.roll()
    }
    await log.flush()
    await store.checkpointRecoveryPoints()
    const path = join(folder, 'orders-0')
    const names = readdirSync(path).filter((name) => name.startsWith('00000000000000000002.'))
    for (const name of names) cpSync(join(path, name), join(folder, name))
    log.advanceStartOffset(6)
    crash()
    for (const name of names) cpSync(join(folder, name), join(path, name))
    const again = (await start()).get(of)!
    assert.equal([again.startOffset(), again.endOffset()], [6, 8])
    assert.is(again.damage(), undefined)
    assert.is(readAll(again).length, batchOf(['v6']).length * 2)
    assert.not.ok(readdirSync(path).includes('00000000000000000002.log'))
  })
})

test('half-written files of a crash are out of the way before the next run writes its own', async () => {
  await withStorage(async ({ folder, start, crash }) => {
    const store = await start()
    append(store.create(of, topicId, logConfig), batchOf(['value']))
    crash()
    const log = join(folder, 'orders-0')
    const halves = ['leader-epoch-checkpoint.tmp', `${'0'.repeat(20)}.log.cleaned`]
    for (const name of halves) writeFileSync(join(log, name), 'half')
    const again = (await start()).get(of)!
    const left = readdirSync(log).filter((name) => halves.includes(name))
    assert.equal(left, [], 'a late deletion would take the new file of that name')
    assert.is(again.endOffset(), 1)
  })
})

test('missing and damaged indexes, snapshots and epochs are made anew (S7)', async () => {
  await withStorage(async (bench) => {
    await crashedLog(bench, 60, small)
    const path = join(bench.folder, 'orders-0')
    await bench.start(small)
    await bench.stop()
    const files = () =>
      Object.fromEntries(
        readdirSync(path)
          .filter((name) => /\.(log|index|timeindex)$|^leader/.test(name))
          .map((name) => [name, readFileSync(join(path, name)).toString('hex')]),
      )
    const before = files()
    const producers = (await bench.start(small)).get(of)!.producers()
    bench.crash()
    for (const name of readdirSync(path)) {
      if (!name.endsWith('.log') && name !== 'partition.metadata') rmSync(join(path, name))
    }
    const again = (await bench.start(small)).get(of)!
    assert.equal(again.producers(), producers)
    await bench.stop()
    assert.equal(files(), before)
    const odd = readdirSync(path).filter((name) =>
      /\.(index|timeindex|snapshot)$|^leader/.test(name),
    )
    for (const name of odd) writeFileSync(join(path, name), Buffer.alloc(24, offsetsOf(name) % 7))
    const repaired = (await bench.start(small)).get(of)!
    assert.equal(repaired.producers(), producers)
    await bench.stop()
    assert.equal(files(), before)
  })
})

test('a clean marker does not vouch for a file that is torn all the same', async () => {
  await withStorage(async (bench) => {
    const { bytes, ends } = await crashedLog(bench, 6)
    await bench.start()
    await bench.stop()
    const file = join(bench.folder, 'orders-0/00000000000000000000.log')
    truncateSync(file, bytes.length - 1)
    const log = (await bench.start()).get(of)!
    assert.is(log.endOffset(), 10)
    assert.equal(readAll(log), bytes.subarray(0, ends[4]))
    assert.equal(log.damage(), { endOffset: 10, recoveryPoint: 12, heldEnd: 10 })
  })
})

test('a lost segment in the middle ends the log before it', async () => {
  await withStorage(async (bench) => {
    const { bytes } = await crashedLog(bench, 40, small)
    const path = join(bench.folder, 'orders-0')
    const logs = readdirSync(path).filter((name) => name.endsWith('.log'))
    const lost = logs[2]!
    rmSync(join(path, lost))
    const log = (await bench.start(small)).get(of)!
    assert.is(log.endOffset(), offsetsOf(lost))
    assert.equal(readAll(log), bytes.subarray(0, readAll(log).length))
    assert.ok(log.damage())
  })
})

test.run()
