/** Histories of replication that once went wrong somewhere, replayed by name. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fetch } from '../../actors/apis/01-fetch.ts'
import { deleteRecords } from '../../actors/apis/21-delete-records.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { LONG_MAX, ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { DeleteRecords } from '../../transport/schemas/21-delete-records.ts'
import { fetchedPartition, fetchFrom, producedError, produceTo } from './clients.ts'
import { batchOf, change, type Rig, withBrokers } from './rig.ts'

const directoriesOf = (replicas: number[]) => replicas.map(() => ZERO_UUID)

const test = suite('histories')

const of = { topic: 'orders', partition: 0 }
const logAt = (rig: Rig, id: number) => rig.node(id).store.get(of)!
const rowAt = (rig: Rig, id: number) => rig.node(id).broker.host.replicas.findByName(of)!
const endsAt = (rig: Rig, ids: number[]) => ids.map((id) => logAt(rig, id).endOffset())
const bytesAt = (rig: Rig, id: number, from = 0) => {
  const log = logAt(rig, id)
  return log.read(Math.max(from, log.startOffset()), 1_000_000, log.endOffset(), true)
}

/** acks=all, answered within `ms`. */
async function produced(rig: Rig, leader: number, records: Buffer, ms = 100) {
  const producing = produceTo(rig, leader, 'orders', records)
  await rig.clock.advance(ms)
  const { errorCode, baseOffset } = (await producing)!.responses[0]!.partitionResponses[0]!
  return { error: errorName(errorCode), baseOffset }
}

async function soFar<T>(promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, new Promise<undefined>((done) => setImmediate(done, undefined))])
}

const idempotent = (sequence: number, producerEpoch = 0) =>
  batchOf([`m${sequence}`], { producerId: 4000, producerEpoch, baseSequence: sequence })

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

test("what lies before the leader's log start is not kept: nobody can tell whether it was shared", async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    for (const sequence of [0, 1, 2]) {
      await producedError(produceTo(rig, 1, 'orders', idempotent(sequence), { acks: 1 }))
    }
    rig.network.partition([[2, 100], [1]])
    rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
    await rig.clock.advance(10)
    assert.is((await produced(rig, 2, batchOf(['x']))).error, 'NONE')
    assert.is((await produced(rig, 2, batchOf(['y']))).error, 'NONE')
    logAt(rig, 2).advanceStartOffset(1)
    rig.network.heal()
    await rig.clock.advance(5_000)
    assert.equal(endsAt(rig, [1, 2]), [2, 2])
    assert.is(logAt(rig, 1).startOffset(), 1)
    assert.ok(bytesAt(rig, 1).equals(bytesAt(rig, 2)))
    assert.equal(logAt(rig, 1).epochAt(1), 1)
    assert.equal(logAt(rig, 1).producers(), [], 'of the epoch before nothing is known')
  })
})

test("who ends just where its leader's log begins, in an epoch that its leader has let go of, starts over", async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    for (const sequence of [0, 1]) {
      await producedError(produceTo(rig, 1, 'orders', idempotent(sequence), { acks: 1 }))
    }
    rig.network.partition([[2, 100], [1]])
    rig.apply(change(topicId, 0, { isr: [2], leader: 2 }))
    await rig.clock.advance(10)
    for (const value of ['x', 'y', 'z']) {
      assert.is((await produced(rig, 2, batchOf([value]))).error, 'NONE')
    }
    logAt(rig, 2).advanceStartOffset(2)
    rig.network.heal()
    await rig.clock.advance(5_000)
    assert.equal(endsAt(rig, [1, 2]), [3, 3])
    assert.is(logAt(rig, 1).startOffset(), 2)
    assert.ok(bytesAt(rig, 1).equals(bytesAt(rig, 2)))
    assert.equal(logAt(rig, 1).producers(), [], 'of the epoch before nothing is known')
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

test('elected again, a leader goes on with what waits', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    const waiting = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(10)
    rig.apply(change(topicId, 0, { leader: 1 }))
    await rig.clock.advance(10)
    assert.is(await soFar(waiting), undefined)
    rig.network.heal()
    await rig.clock.advance(4_000)
    assert.is(await producedError(waiting), 'NONE')
    assert.equal(logAt(rig, 2).endOffsetFor(0), { epoch: 0, endOffset: 1 })
  })
})

test('nobody waits for minutes, whatever a reader asked for: it may be gone', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    const reading = fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 0x7fff_ffff })
    await rig.clock.advance(290_000)
    assert.is(await soFar(reading), undefined)
    await rig.clock.advance(20_000)
    assert.is((await fetchedPartition(reading)).errorCode, 0)
    assert.is(rowAt(rig, 1).consumerFetches.size, 0)
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

test('retry-after-leader-kill: five in flight get their original offsets from the next leader', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    const flying = [0, 1, 2, 3, 4].map((at) => produceTo(rig, 1, 'orders', idempotent(at)))
    await rig.clock.advance(5)
    assert.equal(endsAt(rig, [2, 3]), [5, 5])
    rig.node(1).kill()
    rig.apply(change(topicId, 0, { isr: [2, 3], leader: 2 }))
    for (const at of [0, 1, 2, 3, 4]) {
      assert.equal(await produced(rig, 2, idempotent(at)), { error: 'NONE', baseOffset: at })
    }
    assert.equal(await produced(rig, 2, idempotent(5)), { error: 'NONE', baseOffset: 5 })
    void flying
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

/** A Fetch as replica `from` at its broker epoch. */
const fetchAs = (
  rig: Rig,
  leader: number,
  from: number,
  brokerEpoch: number,
  fetchOffset: number,
) =>
  rig.ask(leader, fetch, Fetch, 17, {
    clusterId: null,
    replicaId: -1,
    replicaState: { replicaId: from, replicaEpoch: brokerEpoch },
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: 1_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: 0,
    topics: [
      {
        topic: '',
        topicId: rig.node(leader).image().topicByName('orders')!.id,
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: rowAt(rig, leader).context.leaderEpoch,
            fetchOffset,
            lastFetchedEpoch: fetchOffset > 0 ? 0 : -1,
            logStartOffset: 0,
            partitionMaxBytes: 1_000_000,
            replicaDirectoryId: ZERO_UUID,
            highWatermark: LONG_MAX,
          },
        ],
      },
    ],
    forgottenTopicsData: [],
    rackId: '',
  })

test('reboot-empty-stale-fetch: a fetch of the former incarnation does not bring it into the ISR', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a', 'b']))
    const former = rig.node(2).broker.host.brokerEpoch()
    rig.node(2).kill()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    // The leader has yet to hear of the registration when the old fetch arrives, and again after it.
    rig.node(1).holdMetadata()
    rig.network.partition([[1], [2, 100]])
    await rig.start(2)
    await rig.clock.advance(100)
    await fetchAs(rig, 1, 2, former, 2)
    rig.node(1).releaseMetadata()
    rig.network.partition([[1, 100], [2]])
    const late = (await fetchAs(rig, 1, 2, former, 2))!.responses[0]!.partitions[0]!
    assert.is(errorName(late.errorCode), 'NOT_LEADER_OR_FOLLOWER')
    await rig.clock.advance(20_000)
    assert.equal(rig.partition('orders').isr, [1])
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

async function deleteBefore(rig: Rig, leader: number, offset: number) {
  const answer = await rig.ask(leader, deleteRecords, DeleteRecords, 2, {
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 5_000,
  })
  const { errorCode, lowWatermark } = answer!.topics[0]!.partitions[0]!
  return { error: errorName(errorCode), lowWatermark }
}

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

test('with the ISR below its minimum nothing is committed, and what waits runs out of time', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders', { configs: { 'min.insync.replicas': '2' } })
    await rig.clock.advance(600)
    rig.node(2).kill()
    rig.node(3).kill()
    const producing = produceTo(rig, 1, 'orders', batchOf(['a']), { timeoutMs: 60_000 })
    await rig.clock.advance(50_000)
    assert.equal(rig.partition('orders').isr, [1])
    assert.is(await soFar(producing), undefined)
    assert.is((await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).highWatermark, 0)
    await rig.clock.advance(11_000)
    assert.is(await producedError(producing), 'REQUEST_TIMED_OUT')
    assert.is(rowAt(rig, 1).commitWaiters.length, 0)
    assert.is(
      await producedError(produceTo(rig, 1, 'orders', batchOf(['b']))),
      'NOT_ENOUGH_REPLICAS',
    )
    await rig.start(2)
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is((await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).highWatermark, 1)
  })
})

test('a retry of what is committed is answered, though later batches are not', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    const first = produceTo(rig, 1, 'orders', idempotent(0))
    const second = produceTo(rig, 1, 'orders', idempotent(1))
    const again = produceTo(rig, 1, 'orders', idempotent(0))
    await rig.clock.advance(10)
    await fetchAs(rig, 1, 2, rig.node(2).broker.host.brokerEpoch(), 1)
    await rig.clock.advance(10)
    assert.ok(await soFar(first))
    assert.is(await soFar(second), undefined)
    assert.ok(await soFar(again), 'its batch is committed')
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    assert.is(await producedError(second), 'NONE')
  })
})

test('a lost answer to an ISR change: the joiner counts until it is known what became of it', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.node(3).kill()
    rig.fence(3, 1)
    rig.apply(change(topicId, 0, { isr: [1, 2] }))
    let lost = 3
    rig.onAlterPartition = async (_, honest) => {
      const answer = honest()
      if (lost-- > 0) return new Promise(() => {})
      return answer
    }
    rig.node(1).holdMetadata()
    await rig.start(3)
    await rig.clock.advance(100)
    rig.node(1).releaseMetadata()
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 2, 3])
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
    rig.node(2).kill()
    assert.is((await produced(rig, 1, batchOf(['b']), 60_000)).error, 'REQUEST_TIMED_OUT')
    assert.equal(rig.partition('orders').isr, [1, 3])
    assert.is((await produced(rig, 1, batchOf(['c']))).error, 'NONE')
  })
})

test('a replica that was moved away leaves nothing behind, and comes back empty', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[1, 2]] })
    await rig.clock.advance(600)
    await produced(rig, 1, batchOf(['a']))
    rig.apply(change(topicId, 0, { replicas: [1, 2, 3], directories: directoriesOf([1, 2, 3]) }))
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 2, 3])
    rig.apply(
      change(topicId, 0, {
        replicas: [1, 3],
        directories: directoriesOf([1, 3]),
        isr: [1, 3],
        leader: 1,
      }),
    )
    await rig.clock.advance(100)
    assert.is(rig.node(2).store.get(of), undefined)
    assert.is((await produced(rig, 1, batchOf(['b']))).error, 'NONE')
    rig.apply(
      change(topicId, 0, { replicas: [1, 3, 2], directories: directoriesOf([1, 3, 2]), leader: 1 }),
    )
    await rig.clock.advance(1_000)
    assert.equal(rig.partition('orders').isr, [1, 3, 2])
    assert.equal(bytesAt(rig, 2), bytesAt(rig, 1))
    rig.apply(
      change(topicId, 0, {
        replicas: [3, 2],
        directories: directoriesOf([3, 2]),
        isr: [3, 2],
        leader: 3,
      }),
    )
    await rig.clock.advance(100)
    assert.is(rig.node(1).store.get(of), undefined)
    assert.is((await produced(rig, 3, batchOf(['c']))).error, 'NONE')
  })
})

test('sessions that begin anew leave none behind at the leader', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    for (let i = 0; i < 10; i++) {
      rig.network.partition([[1, 100], [2]])
      await rig.clock.advance(4_000)
      rig.network.heal()
      await rig.clock.advance(2_000)
    }
    assert.is(rowAt(rig, 1).replicaFetches.size, 1)
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
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

test('a broker that is registered anew without a restart counts again', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    rig.apply({
      type: 'UnregisterBrokerRecord',
      brokerId: 2,
      brokerEpoch: rig.node(2).broker.host.brokerEpoch(),
    })
    rig.apply(change(topicId, 0, { isr: [1] }))
    await rig.clock.advance(10_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
  })
})

test('last-replica-standing: who lost what only it held does not lead with nothing', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    const directories = [1, 2].map((id) => rig.node(id).store.directories()[0]!.id)
    rig.apply(change(topicId, 0, { directories }))
    await rig.clock.advance(600)
    rig.network.partition([[1, 100], [2]])
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
    rig.node(1).kill()
    rig.node(1).replaceDisk()
    rig.apply(change(topicId, 0, { leader: -1 }))
    await rig.start(1)
    rig.network.heal()
    await rig.clock.advance(200)
    rig.apply(change(topicId, 0, { leader: 1 }))
    await rig.clock.advance(2_000)
    const refused = await producedError(produceTo(rig, 1, 'orders', batchOf(['b'])))
    assert.is(refused, 'KAFKA_STORAGE_ERROR')
    assert.equal(rig.partition('orders').isr, [1])
  })
})

test('a follower whose disk was replaced is filled again', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    const directories = [1, 2].map((id) => rig.node(id).store.directories()[0]!.id)
    rig.apply(change(topicId, 0, { directories }))
    await rig.clock.advance(600)
    assert.is((await produced(rig, 1, batchOf(['a']))).error, 'NONE')
    rig.node(2).kill()
    rig.node(2).replaceDisk()
    rig.fence(2, 1)
    rig.apply(change(topicId, 0, { isr: [1] }))
    await rig.start(2)
    await rig.clock.advance(2_000)
    assert.equal(rig.partition('orders').isr, [1, 2])
    assert.equal(bytesAt(rig, 1), bytesAt(rig, 2))
  })
})

test('a partition that is deleted under a waiting reader or writer ends their wait', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders')
    await rig.clock.advance(600)
    const view = rig.node(1).broker.host.replicas.get(of)!
    rig.network.partition([[1, 100], [2]])
    const reading = fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 30_000, minBytes: 1_000 })
    const writing = produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(10)
    rig.apply({ type: 'RemoveTopicRecord', topicId })
    await rig.clock.advance(10)
    assert.ok(await soFar(reading))
    assert.is(await producedError(writing), 'NOT_LEADER_OR_FOLLOWER')
    assert.is(view.readCommitted(0, 1_000).length, 0, 'nothing is left to be read')
  })
})

test('a node that is killed says nothing more, not even to who waits', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(600)
    await produceTo(rig, 1, 'orders', batchOf(['a']))
    const reading = fetchFrom(rig, 1, 'orders', 0, { maxWaitMs: 500, minBytes: 1_000 })
    const { halted } = rig.node(1)
    rig.node(1).kill()
    await rig.clock.advance(1_000)
    await reading
    assert.equal(halted, [])
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
