/** A log against the plainest model of it, a list of batches, over random lives with restarts. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Log } from '../../actors/ports/log.ts'
import { append, batchOf, logConfig, of, topicId, withStorage } from './support.ts'

const config = { segmentBytes: 3000, indexIntervalBytes: 150, retentionBytes: 6000 }
const cached = { tailBytesMax: 5000, openFilesMax: 4 }

type Batch = { base: number; next: number; epoch: number; bytes: Buffer }
type Model = { batches: Batch[]; start: number; end: number; epoch: number }

type Step =
  | { kind: 'append'; count: number; size: number; newEpoch: boolean }
  | { kind: 'cut' | 'advance'; share: number }
  | { kind: 'retain' | 'roll' | 'flush' | 'stop' | 'crash' }
  | { kind: 'read'; share: number; upTo: number; maxBytes: number; minOne: boolean }

const share = fc.double({ min: 0, max: 1, noNaN: true })
const only = (...kinds: ('retain' | 'roll' | 'flush' | 'stop' | 'crash')[]) =>
  fc.constantFrom(...kinds.map((kind) => ({ kind })))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      count: fc.integer({ min: 1, max: 5 }),
      size: fc.nat(300),
      newEpoch: fc.boolean(),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      share,
      upTo: share,
      maxBytes: fc.nat(5000),
      minOne: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('cut' as const, 'advance' as const), share }),
  },
  { weight: 2, arbitrary: only('retain', 'roll', 'flush') },
  { weight: 1, arbitrary: only('stop', 'crash') },
)

const between = (model: Model, part: number) =>
  model.start + Math.round(part * (model.end - model.start))

function checkRead(log: Log, model: Model, step: Step & { kind: 'read' }) {
  const from = between(model, step.share)
  const upTo = between(model, step.upTo)
  const got = log.read(from, step.maxBytes, upTo, step.minOne)
  const run = model.batches.filter(({ next }) => next > from && next <= upTo)
  const first = from < upTo ? run[0] : undefined
  if (first === undefined || (first.bytes.length > step.maxBytes && !step.minOne)) {
    assert.is(got.length, 0)
    return
  }
  assert.ok(got.length >= first.bytes.length, 'what there is is given')
  assert.ok(got.length <= Math.max(step.maxBytes, first.bytes.length), 'no more than asked')
  const expected = Buffer.concat(run.map(({ bytes }) => bytes)).subarray(0, got.length)
  assert.equal(got, expected)
}

function checkAll(log: Log, model: Model) {
  assert.equal([log.startOffset(), log.endOffset()], [model.start, model.end])
  const held = model.batches.filter(({ next }) => next > model.start)
  for (const epoch of new Set(held.map((batch) => batch.epoch))) {
    const last = held.findLast((batch) => batch.epoch === epoch)!
    assert.equal(log.endOffsetFor(epoch), { epoch, endOffset: last.next }, `epoch ${epoch}`)
  }
  for (const part of [0, 0.3, 0.7, 1]) {
    checkRead(log, model, { kind: 'read', share: part, upTo: 1, maxBytes: 2000, minOne: true })
  }
}

test('random lives', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      await withStorage(async ({ start, stop, crash, clock }) => {
        const model: Model = { batches: [], start: 0, end: 0, epoch: 0 }
        let log = (await start(config)).create(of, topicId, { ...logConfig, ...config })
        for (const step of steps) {
          if (step.kind === 'append') {
            model.epoch += step.newEpoch ? 1 : 0
            const bytes = batchOf(Array(step.count).fill('x'.repeat(step.size)))
            append(log, bytes, model.epoch)
            const { end: base, epoch } = model
            model.end += step.count
            model.batches.push({ base, next: model.end, epoch, bytes: Buffer.from(bytes) })
          } else if (step.kind === 'read') {
            checkRead(log, model, step)
          } else if (step.kind === 'cut') {
            const offset = between(model, step.share)
            log.truncateTo(offset)
            model.batches = model.batches.filter(({ next }) => next <= offset)
            // Where the batch that goes began; at the log start at the least where that lies inside one.
            model.end = Math.min(offset, model.batches.at(-1)?.next ?? log.endOffset())
            model.start = Math.min(model.start, model.end)
          } else if (step.kind === 'advance') {
            model.start = between(model, step.share)
            log.advanceStartOffset(model.start)
          } else if (step.kind === 'retain') {
            model.start = log.applyRetention(model.end, clock.now()).startOffset
          } else if (step.kind === 'roll') {
            log.roll()
          } else if (step.kind === 'flush') {
            assert.is(await log.flush(), model.end)
          } else {
            if (step.kind === 'stop') await stop()
            else crash()
            const again = (await start(config)).get(of)!
            assert.is(again.damage(), undefined)
            // A start inside a segment is kept by the checkpoint only.
            if (step.kind === 'crash') again.advanceStartOffset(model.start)
            log = again
          }
          checkAll(log, model)
        }
      }, cached)
    }),
    { numRuns: 60 },
  )
})

test.run()
