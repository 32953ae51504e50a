/** Idempotent producers: what is stored once, what is refused, and what a restart still knows. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Log } from '../../actors/ports/log.ts'
import { append, batchOf, logConfig, of, readAll, topicId, withStorage } from './support.ts'

const from = (baseSequence: number, producerEpoch = 0, count = 2, producerId = 9) =>
  batchOf(
    Array.from({ length: count }, (_, i) => `${baseSequence + i}`),
    {
      producerId,
      producerEpoch,
      baseSequence,
    },
  )
const refusal = (code: string) => (error: { code?: string }) => error.code === code
const small = { segmentBytes: 600 }

function offsets(log: Log, records: Buffer) {
  const { baseOffset, lastOffset, duplicate } = append(log, records)
  return [baseOffset, lastOffset, duplicate]
}

test('a retry of any of the last five batches gets its original offset', async () => {
  await withStorage(async ({ start, stop, crash }) => {
    const log = (await start()).create(of, topicId, { ...logConfig, ...small })
    for (let i = 0; i < 8; i++) append(log, from(i * 2))
    const check = (which: Log) => {
      for (let i = 3; i < 8; i++)
        assert.equal(offsets(which, from(i * 2)), [i * 2, i * 2 + 1, true])
      assert.throws(() => append(which, from(4)), refusal('OUT_OF_ORDER_SEQUENCE_NUMBER'))
      assert.is(which.endOffset(), 16)
    }
    check(log)
    await stop()
    check((await start(small)).get(of)!)
    crash()
    check((await start(small)).get(of)!)
  })
})

test('what retention lets go of is known behind two crashes', async () => {
  await withStorage(async ({ start, crash, clock }) => {
    const aged = { segmentMs: 1_000, retentionMs: 10_000 }
    const log = (await start()).create(of, topicId, { ...logConfig, ...aged })
    append(log, from(0))
    // Rolled while nothing is due: the new segment is empty, and not durable yet.
    clock.advance(2_000)
    log.applyRetention(2, clock.now())
    crash()
    const again = (await start(aged)).get(of)!
    clock.advance(20_000)
    assert.is(again.applyRetention(2, clock.now()).deletedSegments, 1)
    assert.is(again.startOffset(), 2)
    crash()
    assert.equal(offsets((await start(aged)).get(of)!, from(0)), [0, 1, true])
  })
})

test('a gap stores nothing', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, logConfig)
    append(log, from(0))
    assert.throws(() => append(log, from(4)), refusal('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    assert.is(log.endOffset(), 2)
    append(log, from(2))
  })
})

test('an older epoch is refused, a newer one begins with 0', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, logConfig)
    append(log, from(0, 3))
    assert.throws(() => append(log, from(2, 2)), refusal('INVALID_PRODUCER_EPOCH'))
    assert.throws(() => append(log, from(2, 4)), refusal('OUT_OF_ORDER_SEQUENCE_NUMBER'))
    append(log, from(0, 4))
    assert.is(log.producers()[0]?.epoch, 4)
    assert.is(log.endOffset(), 4)
  })
})

test('sequences count modulo 2^31', async () => {
  await withStorage(async ({ start }) => {
    const log = (await start()).create(of, topicId, logConfig)
    append(log, from(2 ** 31 - 3, 0, 2)) // an unknown producer may begin anywhere
    append(log, from(2 ** 31 - 1, 0, 2))
    assert.is(log.producers()[0]?.lastSequence, 0)
    assert.equal(offsets(log, from(1)), [4, 5, false])
    assert.equal(offsets(log, from(2 ** 31 - 1, 0, 2)), [2, 3, true])
  })
})

test('producers that fell silent are forgotten', async () => {
  await withStorage(async ({ start, clock }) => {
    const log = (await start()).create(of, topicId, logConfig)
    append(log, from(0))
    log.applyRetention(0, clock.now() + logConfig.producerIdExpirationMs)
    assert.equal(log.producers(), [])
    append(log, from(10))
  })
})

test('producer state equals a replay, whatever is cut and restarted (I4)', async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('append'), id: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut'), by: fc.nat(20) }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'roll' }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'stop' }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'crash' }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      await withStorage(async ({ start, stop, crash }) => {
        let store = await start()
        let log = store.create(of, topicId, { ...logConfig, ...small })
        for (const step of steps) {
          if (step.kind === 'append') {
            const { id } = step as { id: number }
            const last = log.producers().find(({ producerId }) => producerId === id)
            append(log, from((last?.lastSequence ?? -1) + 1, 0, 2, id))
          }
          if (step.kind === 'cut')
            log.truncateTo(Math.max(0, log.endOffset() - (step as { by: number }).by))
          if (step.kind === 'roll') log.roll()
          if (step.kind === 'stop' || step.kind === 'crash') {
            if (step.kind === 'stop') await stop()
            else crash()
            store = await start(small)
            log = store.get(of)!
          }
        }
        const replica = store.create({ topic: 'copy', partition: 0 }, topicId, logConfig)
        const records = readAll(log)
        if (records.length > 0) replica.appendAsFollower(records, 0)
        const sorted = (which: Log) => which.producers().sort((a, b) => a.producerId - b.producerId)
        assert.equal(sorted(log), sorted(replica))
        assert.is(log.endOffset(), replica.endOffset())
      })
    }),
    { numRuns: 60 },
  )
})

test.run()
