/**
 * A compacted log against the list of all that was ever appended to it, over random lives: cleaned
 * at any moment up to any high watermark, cut, restarted, and its process killed at any call of the
 * disk (S9, I4, KAFKA-13194).
 */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Log, type LogConfig, StorageError } from '../../actors/ports/log.ts'
import { batches, type Compression } from '../../transport/records/batch.ts'
import { encodeBatch, records } from '../../transport/records/records.ts'
import { faultyDisk } from './faulty-disk.ts'
import { logConfig, of, readAll, topicId, withStorage } from './support.ts'

const HOUR = 3_600_000
const config: Partial<LogConfig> = {
  cleanupPolicy: ['compact'],
  segmentBytes: 900,
  indexIntervalBytes: 150,
  deleteRetentionMs: HOUR,
  minCleanableDirtyRatio: 0,
}

type Kept = { offset: number; key: string; value: string | null; cleanedMs: number | undefined }
type Model = {
  kept: Kept[]
  end: number
  start: number
  /** Where batches end. */
  ends: number[]
  epoch: number
  epochStarts: Map<number, number>
  sequences: Map<number, number>
  /** The highest bound of any cleaning: nothing below it is ever cut. */
  bound: number
}

type Append = {
  kind: 'append'
  keys: number[]
  tombstones: boolean
  codec: Compression
  producerId: number
  newEpoch: boolean
}
type Clean = {
  kind: 'clean'
  share: number
  keysMax: number
  laterMs: number
  dieAfter: number | undefined
  meanwhile: (Append | Cut)[]
}
type Cut = { kind: 'cut' | 'advance'; share: number }
type Step = Append | Clean | Cut | { kind: 'roll' | 'stop' | 'crash' }

const share = fc.double({ min: 0, max: 1, noNaN: true })
const appending: fc.Arbitrary<Append> = fc.record({
  kind: fc.constant('append' as const),
  keys: fc.array(fc.nat(7), { minLength: 1, maxLength: 5 }),
  tombstones: fc.boolean(),
  codec: fc.constantFrom<Compression>('none', 'none', 'gzip', 'lz4', 'snappy', 'zstd'),
  producerId: fc.integer({ min: -1, max: 2 }),
  newEpoch: fc.boolean(),
})
const cutting: fc.Arbitrary<Cut> = fc.record({
  kind: fc.constantFrom('cut' as const, 'cut' as const, 'advance' as const),
  share,
})
const cleaning: fc.Arbitrary<Clean> = fc.record({
  kind: fc.constant('clean' as const),
  share,
  keysMax: fc.constantFrom(1, 3, 1000),
  laterMs: fc.constantFrom(0, HOUR / 2, 2 * HOUR),
  dieAfter: fc.option(fc.nat(60), { nil: undefined, freq: 2 }),
  meanwhile: fc.array(fc.oneof(appending, cutting), { maxLength: 2 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: appending },
  { weight: 4, arbitrary: cleaning },
  { weight: 1, arbitrary: cutting },
  {
    weight: 3,
    arbitrary: fc.constantFrom('roll' as const, 'stop' as const, 'crash' as const).map((kind) => ({
      kind,
    })),
  },
)

function appendTo(
  log: Log,
  model: Model,
  { keys, tombstones, codec, ...more }: Append,
  now: number,
) {
  const { producerId } = more
  if (more.newEpoch) model.epoch++
  const base = model.end
  const rows = keys.map((key, i) => ({
    offset: base + i,
    key: `key ${key}`,
    value: tombstones && i % 2 === 0 ? null : `value ${base + i} ${'x'.repeat(key * 9)}`,
    cleanedMs: undefined,
  }))
  const sequence = model.sequences.get(producerId) ?? 0
  const idempotent = { producerId, producerEpoch: 0, baseSequence: sequence }
  const bytes = encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    compression: codec,
    records: rows.map(({ key, value }, i) => ({
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestamp: now + i,
    })),
    ...(producerId >= 0 ? idempotent : {}),
  })
  log.appendAsLeader(bytes, { leaderEpoch: model.epoch, nowMs: now, origin: 'coordinator' })
  if (producerId >= 0) model.sequences.set(producerId, sequence + keys.length)
  if (!model.epochStarts.has(model.epoch)) model.epochStarts.set(model.epoch, base)
  model.kept.push(...rows)
  model.end += keys.length
  model.ends.push(model.end)
}

function cut(log: Log, model: Model, part: number) {
  const wanted = Math.max(model.bound, Math.round(part * model.end))
  const end = model.ends.find((offset) => offset >= wanted) ?? model.end
  log.truncateTo(end)
  model.ends = model.ends.filter((offset) => offset <= end)
  model.end = end
  model.kept = model.kept.filter(({ offset }) => offset < end)
  for (const [epoch, from] of model.epochStarts) if (from >= end) model.epochStarts.delete(epoch)
  for (const id of [...model.sequences.keys()]) {
    const known = log.producers().find(({ producerId }) => producerId === id)
    if (known === undefined) model.sequences.delete(id)
    else model.sequences.set(id, known.lastSequence + 1)
  }
}

const rowsOf = (log: Log) => {
  const bytes = readAll(log)
  return [...batches(bytes)].flatMap((at) =>
    [...records(bytes, at)].map(({ offset, key, value }) => ({
      offset,
      key: key!.toString(),
      value: value?.toString() ?? null,
    })),
  )
}

const lastByKey = <T extends { key: string }>(rows: T[]) => new Map(rows.map((r) => [r.key, r]))

function check(log: Log, model: Model, now: number) {
  assert.is(log.endOffset(), model.end, 'the end stays')
  const got = rowsOf(log).filter(({ offset }) => offset >= model.start)
  const all = model.kept.filter(({ offset }) => offset >= model.start)
  const byOffset = new Map(all.map((row) => [row.offset, row]))
  got.reduce((before, { offset }) => {
    assert.ok(offset > before, 'offsets rise')
    return offset
  }, -1)
  for (const row of got) {
    const { cleanedMs: _, ...sent } = byOffset.get(row.offset)!
    assert.equal(row, sent, 'what is there is what was sent')
  }
  const there = new Set(got.map(({ offset }) => offset))
  for (const { offset } of all) {
    if (offset >= model.bound) assert.ok(there.has(offset), `${offset} was never below the bound`)
  }
  const visible = lastByKey(got.filter(({ offset }) => offset < model.bound))
  for (const [key, last] of lastByKey(all.filter(({ offset }) => offset < model.bound))) {
    const found = visible.get(key)
    if (found === undefined) {
      assert.is(last.value, null, `the last value of ${key}, at ${last.offset}`)
      assert.ok(now - (last.cleanedMs ?? now) >= HOUR, 'a tombstone is seen for a while')
    } else {
      assert.is(found.offset, last.offset, `${key} has its last value`)
    }
  }
  for (const [epoch, next] of epochEnds(model)) {
    if (next > model.start) assert.is(log.endOffsetFor(epoch)?.endOffset, next, `epoch ${epoch}`)
  }
  const sequences = new Map(log.producers().map((p) => [p.producerId, p.lastSequence + 1]))
  assert.equal(sequences, model.sequences, 'producers go on')
}

function epochEnds({ epochStarts, end }: Model): [number, number][] {
  const starts = [...epochStarts].sort(([a], [b]) => a - b)
  return starts.map(([epoch], i) => [epoch, starts[i + 1]?.[1] ?? end])
}

function checkCleaned(log: Log, cleanedTo: number) {
  const rows = rowsOf(log).filter(({ offset }) => offset < cleanedTo)
  const last = lastByKey(rows)
  for (const { key, offset } of rows) assert.is(last.get(key)?.offset, offset, `${key} once`)
}

test('random lives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const { disk, dieAfter, heal } = faultyDisk()
      await withStorage(
        async ({ start, stop, crash, clock }) => {
          const model: Model = {
            kept: [],
            end: 0,
            start: 0,
            ends: [],
            epoch: 0,
            epochStarts: new Map(),
            sequences: new Map(),
            bound: 0,
          }
          let log = (await start()).create(of, topicId, { ...logConfig, ...config })
          const reopen = async () => {
            const found = (await start()).get(of)!
            assert.is(found.damage(), undefined, 'no damage')
            found.reconfigure({ ...logConfig, ...config })
            if (model.start > found.startOffset()) found.advanceStartOffset(model.start)
            log = found
          }
          const change = (step: Append | Cut) => {
            if (step.kind === 'append') return appendTo(log, model, step, clock.now())
            if (step.kind === 'cut') return cut(log, model, step.share)
            model.start = Math.max(model.start, Math.round(step.share * model.bound))
            log.advanceStartOffset(model.start)
          }
          const clean = async (step: Clean) => {
            clock.advance(step.laterMs)
            await log.flush()
            const upTo = Math.round(step.share * model.end)
            model.bound = Math.max(model.bound, upTo)
            for (const row of model.kept) if (row.offset < upTo) row.cleanedMs ??= clock.now()
            const limits = {
              mapBytesMax: step.keysMax * 24 + 24,
              mapLoadFactor: 0.9,
              bytesPerSecondMax: Number.MAX_SAFE_INTEGER,
            }
            if (step.dieAfter !== undefined) {
              dieAfter(step.dieAfter)
              try {
                await log.clean(upTo, clock.now(), limits)
              } catch (error) {
                if (!(error instanceof StorageError)) throw error
              }
              crash()
              heal()
              await reopen()
              return
            }
            const running = log.clean(upTo, clock.now(), limits)
            for (const each of step.meanwhile) {
              await new Promise((resolve) => setTimeout(resolve, 0))
              change(each)
            }
            const done = await running
            if (done !== undefined) checkCleaned(log, done.cleanedTo)
          }
          for (const step of steps) {
            if (step.kind === 'clean') await clean(step)
            else if (step.kind === 'roll') log.roll()
            else if (step.kind === 'stop') {
              await stop()
              await reopen()
            } else if (step.kind === 'crash') {
              crash()
              await reopen()
            } else change(step as Append | Cut)
            check(log, model, clock.now())
          }
        },
        { disk, tailBytesMax: 1000, openFilesMax: 6 },
      )
    }),
    { numRuns: Number(process.env['RUNS'] ?? 60), includeErrorInReport: true },
  )
})

test.run()
