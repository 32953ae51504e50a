/** A follower's log becomes its leader's, however they went apart: histories that once went wrong somewhere. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { change } from './changes.ts'
import { fetchedPartition, fetchFrom, producedError, produceTo } from './clients.ts'
import {
  bytesAt,
  deleteBefore,
  directoriesOf,
  endsAt,
  idempotent,
  logAt,
  of,
  produced,
  rowAt,
  soFar,
} from './orders.ts'
import { batchOf, type Rig, withBrokers } from './rig.ts'

const test = suite('following')

test('truncate-to-high-watermark: what was acknowledged survives an old bound', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    assert.is((await produced(rig, 1, batchOf(['m']), 5)).error, 'NONE')
    assert.is(rowAt(rig, 2).highWatermark, 0, 'the follower has yet to hear of it')
    rig.node(2).kill()
    rig.node(1).kill()
    await rig.start(2)
    await rig.clock.advance(200)
    rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
    await rig.clock.advance(10)
    assert.equal(endsAt(rig, [2]), [1])
    const { highWatermark, records } = await fetchedPartition(fetchFrom(rig, 2, 'orders', 0))
    assert.is(highWatermark, 1)
    assert.ok(records!.length > 0)
  })
})

test('bound-before-truncation: a diverged follower never shows what was not committed', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a']))
    rig.network.partition([[1], [2, 3, 100]])
    const lost = produceTo(rig, 1, 'orders', batchOf(['x']), { acks: 1 })
    await rig.clock.advance(10)
    assert.is(await producedError(lost), 'NONE')
    rig.node(1).holdMetadata()
    rig.apply(change(topicId, 0, { isr: [2, 3], leader: 2 }))
    await rig.clock.advance(100)
    assert.is((await produced(rig, 2, batchOf(['b']))).error, 'NONE')
    assert.is((await produced(rig, 2, batchOf(['c']))).error, 'NONE')
    const committed = bytesAt(rig, 2, 1)
    rig.network.heal()
    rig.node(1).releaseMetadata()
    let seen = 0
    for (let i = 0; i < 600; i++) {
      await rig.clock.advance(1)
      const { records } = await fetchedPartition(fetchFrom(rig, 1, 'orders', 1))
      const shown = records ?? Buffer.alloc(0)
      assert.ok(committed.subarray(0, shown.length).equals(shown))
      seen = Math.max(seen, shown.length)
    }
    assert.is(seen, committed.length)
  })
})

test('an epoch older than all that a follower holds: it starts over, and does not ask for ever', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.network.partition([[1, 3, 100], [2]])
    await producedError(produceTo(rig, 1, 'orders', batchOf(['a']), { acks: 1 }))
    await rig.clock.advance(600)
    assert.equal(endsAt(rig, [1, 2, 3]), [1, 0, 1])
    rig.network.partition([[2, 100], [3], [1]])
    rig.apply(change(topicId, 0, { isr: [2, 3], leader: 2 }))
    await rig.clock.advance(10)
    await producedError(produceTo(rig, 2, 'orders', batchOf(['b']), { acks: 1 }))
    rig.apply(change(topicId, 0, { isr: [3], leader: 3 }))
    rig.network.heal()
    await rig.clock.advance(2_000)
    assert.equal(endsAt(rig, [1, 2, 3]), [1, 1, 1])
    assert.ok(bytesAt(rig, 2).equals(bytesAt(rig, 3)))
  })
})

/**
 * A leader wrote so many that its follower never had; that leads next, writes so many, lets go of what
 * lies before its start, and only then do they hear each other again.
 */
async function meetAgain(rig: Rig, logs: { former: number; next: number; nextStart: number }) {
  const { former, next, nextStart } = logs
  const topicId = rig.createTopic('orders')
  await rig.clock.advance(600)
  rig.network.partition([[1, 100], [2]])
  for (let sequence = 0; sequence < former; sequence++) {
    await producedError(produceTo(rig, 1, 'orders', idempotent(sequence), { acks: 1 }))
  }
  rig.network.partition([[2, 100], [1]])
  rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
  await rig.clock.advance(10)
  for (let count = 0; count < next; count++) {
    assert.is((await produced(rig, 2, batchOf(['x']))).error, 'NONE')
  }
  logAt(rig, 2).advanceStartOffset(nextStart)
  rig.network.heal()
  await rig.clock.advance(5_000)
  assert.equal(endsAt(rig, [1, 2]), [next, next])
  assert.is(logAt(rig, 1).startOffset(), nextStart)
  assert.ok(bytesAt(rig, 1).equals(bytesAt(rig, 2)))
  assert.equal(logAt(rig, 1).producers(), [], 'of the epoch before nothing is known')
}

test("what lies before the leader's log start is not kept: nobody can tell whether it was shared", async () => {
  await withBrokers([1, 2], async (rig) => {
    await meetAgain(rig, { former: 3, next: 2, nextStart: 1 })
    assert.equal(logAt(rig, 1).epochAt(1), 1)
  })
})

test("who ends just where its leader's log begins, in an epoch that its leader has let go of, starts over", async () => {
  await withBrokers([1, 2], async (rig) => {
    await meetAgain(rig, { former: 2, next: 3, nextStart: 2 })
  })
})

test('elections-without-writes: after five of them the follower settles at once', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a']))
    for (const leader of [2, 1, 2, 1, 2]) {
      rig.apply(change(topicId, 0, { leader }))
      await rig.clock.advance(50)
    }
    let fetches = 0
    rig.onAnswer = (_, api, answer) => {
      if (api === 'Fetch') fetches++
      return answer
    }
    rig.apply(change(topicId, 0, { leader: 1 }))
    assert.is((await produced(rig, 1, batchOf(['b']), 20)).error, 'NONE')
    assert.ok(fetches <= 4, `${fetches} fetches`)
    assert.equal(endsAt(rig, [1, 2]), [2, 2])
    assert.is(logAt(rig, 2).latestEpoch(), 6)
    assert.equal(logAt(rig, 2).endOffsetFor(5), { epoch: 0, endOffset: 1 })
  })
})

test('zombie-leader-fetch: nothing is cut by the word of a leader that lags behind its election', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a']))
    rig.node(1).holdMetadata()
    rig.apply(change(topicId, 0, { leader: 2 }))
    const uncommitted = produceTo(rig, 2, 'orders', batchOf(['b']), { acks: 1 })
    assert.is(await producedError(uncommitted), 'NONE')
    rig.apply(change(topicId, 0, { leader: 1 }))
    await rig.clock.advance(2_000)
    assert.equal(endsAt(rig, [1, 2]), [1, 2], 'the former leader has yet to follow')
    rig.node(1).releaseMetadata()
    assert.is((await produced(rig, 1, batchOf(['c']), 2_000)).error, 'NONE')
    assert.equal(bytesAt(rig, 1), bytesAt(rig, 2))
  })
})

test('corrupt-fetch-response: a flipped bit is dropped and fetched again', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    let flips = 3
    rig.onAnswer = (asker, api, answer) => {
      const at = answer.indexOf('sound')
      if (asker !== 2 || api !== 'Fetch' || at < 0 || flips-- <= 0) return answer
      const flipped = Buffer.from(answer)
      flipped[at]! ^= 1
      return flipped
    }
    assert.is((await produced(rig, 1, batchOf(['sound']), 1_000)).error, 'NONE')
    assert.ok(flips <= 0)
    assert.equal(bytesAt(rig, 1), bytesAt(rig, 2))
  })
})

test('sequence-after-truncation: producers are known as the bytes that are left tell', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, idempotent(0))
    await produced(rig, 1, idempotent(1))
    rig.network.partition([[1], [2, 100]])
    for (const at of [2, 3, 4]) {
      await producedError(produceTo(rig, 1, 'orders', idempotent(at), { acks: 1 }))
    }
    rig.node(1).kill()
    rig.network.heal()
    rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
    assert.equal(await produced(rig, 2, idempotent(2)), { error: 'NONE', baseOffset: 2 })
    await rig.start(1)
    await rig.clock.advance(2_000)
    assert.equal(rig.partition('orders').isr, [2, 1])
    assert.equal(logAt(rig, 1).producers(), logAt(rig, 2).producers())
    rig.apply(change(topicId, 0, { leader: 1 }))
    await rig.clock.advance(50)
    assert.equal(await produced(rig, 1, idempotent(2)), { error: 'NONE', baseOffset: 2 })
    assert.equal(await produced(rig, 1, idempotent(3)), { error: 'NONE', baseOffset: 3 })
    assert.is((await produced(rig, 1, idempotent(5))).error, 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.equal(bytesAt(rig, 1), bytesAt(rig, 2))
  })
})

test('a follower behind the start of its leader begins anew there', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a']))
    rig.node(2).kill()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    await produced(rig, 1, batchOf(['b', 'c']))
    await produced(rig, 1, batchOf(['d']))
    const deleting = deleteBefore(rig, 1, 2)
    await rig.clock.advance(10)
    assert.equal(await deleting, { error: 'NONE', lowWatermark: 2 })
    await rig.start(2)
    await rig.clock.advance(3_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is(logAt(rig, 2).startOffset(), 2)
    assert.equal(bytesAt(rig, 2), bytesAt(rig, 1))
    assert.is((await produced(rig, 1, batchOf(['e']))).baseOffset, 4)
  })
})

test('an unclean leader with less than the log start of another: nothing of its log is left out', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a']))
    rig.node(2).kill()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    for (const value of ['b', 'c', 'd', 'e']) await produced(rig, 1, batchOf([value]))
    assert.equal(await deleteBefore(rig, 1, 4), { error: 'NONE', lowWatermark: 4 })
    rig.network.partition([[1], [2, 100]])
    rig.node(1).holdMetadata()
    rig.apply(change(topicId, 0, { leader: -1 }))
    await rig.start(2)
    await rig.clock.advance(200)
    rig.apply(change(topicId, 0, { leader: 2, isr: [2] }))
    await rig.clock.advance(10)
    for (const value of ['B', 'C', 'D', 'E', 'F']) await produced(rig, 2, batchOf([value]))
    rig.network.heal()
    rig.node(1).releaseMetadata()
    await rig.clock.advance(3_000)
    assert.equal(rig.partition('orders').isr, [2, 1])
    assert.is(logAt(rig, 1).startOffset(), 1)
    assert.equal(bytesAt(rig, 1), bytesAt(rig, 2, 1))
  })
})

test('records deleted at the leader are deleted at an idle follower, too', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    for (const value of ['a', 'b', 'c']) await produced(rig, 1, batchOf([value]), 600)
    const deleting = deleteBefore(rig, 1, 2)
    await rig.clock.advance(50)
    assert.equal(await soFar(deleting), { error: 'NONE', lowWatermark: 2 })
    assert.equal(
      [2, 3].map((id) => logAt(rig, id).startOffset()),
      [2, 2],
    )
  })
})

test('a topic that was compacted once is replicated with its gaps', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', {
      replicas: [[1]],
      configs: { 'cleanup.policy': 'compact' },
    })
    await rig.clock.advance(600)
    const log = rig.node(1).store.get(of)!
    log.appendAsFollower(batchOf(['a'], { baseOffset: 3, leaderEpoch: 0 }), 0)
    log.appendAsFollower(batchOf(['b'], { baseOffset: 7, leaderEpoch: 0 }), 0)
    rig.apply({
      type: 'ConfigRecord',
      resourceType: 2,
      resourceName: 'orders',
      name: 'cleanup.policy',
      value: 'delete',
    })
    rig.apply(
      change(topicId, 0, { replicas: [1, 2], leader: 1, directories: directoriesOf([1, 2]) }),
    )
    await rig.clock.advance(2_000)
    assert.is(rig.node(2).store.get(of)!.endOffset(), 8)
    assert.equal(rig.partition('orders').isr, [1, 2])
  })
})

test.run()
