/** A topic that is deleted and made again: what was noted of the old log is not held for the new one's. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { append, batchOf, logConfig, of, readAll, topicId, withStorage } from './support.ts'

const again = 'AAAAAAAAAAAAAAAAAAAAAg'
const many = ['a', 'b', 'c', 'd', 'e', 'f']

test('after a crash a recreated log is whole, and begins and ends where it does', async () => {
  await withStorage(async ({ start, stop, crash }) => {
    const old = (await start()).create(of, topicId, logConfig)
    append(old, batchOf(many))
    old.advanceStartOffset(4)
    await stop()
    const store = await start()
    await store.checkpointHighWatermarks([{ ...of, offset: 6 }])
    store.remove(of)
    const log = store.create(of, again, logConfig)
    append(log, batchOf(['new']))
    const held = readAll(log)
    crash()
    const kept = (await start()).get(of)!
    assert.is(kept.topicId, again)
    assert.is(kept.isSuspect(), false)
    assert.is(kept.startOffset(), 0)
    assert.equal(readAll(kept), held)
  })
})

test('a high watermark of the old log never becomes one of the new', async () => {
  await withStorage(async ({ start, crash }) => {
    const store = await start()
    append(store.create(of, topicId, logConfig), batchOf(many))
    await store.checkpointHighWatermarks([{ ...of, offset: 5 }])
    store.remove(of)
    append(store.create(of, again, logConfig), batchOf(many))
    crash()
    assert.is((await start()).checkpointedHighWatermark(of), 0)
  })
})

test('nor what a background write began to say before', async () => {
  await withStorage(async ({ start, crash }) => {
    const store = await start()
    append(store.create(of, topicId, logConfig), batchOf(many))
    const writing = store.checkpointHighWatermarks([{ ...of, offset: 5 }])
    store.remove(of)
    append(store.create(of, again, logConfig), batchOf(many))
    await writing
    crash()
    assert.is((await start()).checkpointedHighWatermark(of), 0)
  })
})

test.run()
