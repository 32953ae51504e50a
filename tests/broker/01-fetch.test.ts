/** Fetch: sessions, bounds, and the errors of a position. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fetch } from '../../actors/apis/01-fetch.ts'
import type { Request } from '../../transport/protocol/api.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { LONG_MAX, ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { fetchedPartition, fetchFrom, produceTo } from '../replica/clients.ts'
import { batchOf, type Rig, withBrokers } from '../replica/rig.ts'

const test = suite('Fetch')

type FetchRequest = Request<typeof Fetch>
type Wish = { topicId: string; partition: number; offset: number; epoch?: number; max?: number }

const request = (wishes: Wish[], more: Partial<FetchRequest> = {}): FetchRequest => ({
  clusterId: null,
  replicaId: -1,
  replicaState: { replicaId: -1, replicaEpoch: -1 },
  maxWaitMs: 0,
  minBytes: 1,
  maxBytes: 10_000_000,
  isolationLevel: 0,
  sessionId: 0,
  sessionEpoch: -1,
  topics: wishes.map(({ topicId, partition, offset, epoch = -1, max = 1_000_000 }) => ({
    topic: '',
    topicId,
    partitions: [
      {
        partition,
        currentLeaderEpoch: epoch,
        fetchOffset: offset,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        partitionMaxBytes: max,
        replicaDirectoryId: ZERO_UUID,
        highWatermark: LONG_MAX,
      },
    ],
  })),
  forgottenTopicsData: [],
  rackId: '',
  ...more,
})

const ask = async (rig: Rig, wishes: Wish[], more?: Partial<FetchRequest>, version = 17) =>
  (await rig.ask(1, fetch, Fetch, version, request(wishes, more)))!

const partitionsOf = (answer: Awaited<ReturnType<typeof ask>>) =>
  answer.responses.flatMap(({ partitions }) => partitions.map((each) => each.partitionIndex)).sort()

test('every version reads the same records', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await produceTo(rig, 1, 'orders', batchOf(['a', 'b']))
    const bytes = new Set<string>()
    for (let version = 4; version <= 12; version++) {
      const partition = await fetchedPartition(fetchFrom(rig, 1, 'orders', 0, { version }))
      assert.is(partition.errorCode, 0)
      bytes.add(partition.records!.toString('hex'))
    }
    assert.is(bytes.size, 1)
  })
})

test('fetch-inside-batch: the whole batch is returned', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    await produceTo(rig, 1, 'orders', batchOf(['a', 'b', 'c']))
    const whole = (await fetchedPartition(fetchFrom(rig, 1, 'orders', 0))).records
    assert.equal((await fetchedPartition(fetchFrom(rig, 1, 'orders', 1))).records, whole)
  })
})

test('positions that cannot be read', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[1], [2]] })
    const error = async (wish: Wish) =>
      errorName((await ask(rig, [wish])).responses[0]!.partitions[0]!.errorCode)
    assert.is(await error({ topicId, partition: 0, offset: 1 }), 'OFFSET_OUT_OF_RANGE')
    assert.is(await error({ topicId, partition: 0, offset: 0, epoch: 3 }), 'UNKNOWN_LEADER_EPOCH')
    assert.is(await error({ topicId, partition: 1, offset: 0 }), 'NOT_LEADER_OR_FOLLOWER')
    assert.is(await error({ topicId, partition: 5, offset: 0 }), 'UNKNOWN_TOPIC_OR_PARTITION')
    const other = 'Zm9yZWlnbi10b3BpYy1pZA'
    assert.is(await error({ topicId: other, partition: 0, offset: 0 }), 'UNKNOWN_TOPIC_ID')
  })
})

test('what Kafka does not foresee: negative bounds, and isolation levels that are none', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders')
    await produceTo(rig, 1, 'orders', batchOf(['a']))
    const wish = { topicId, partition: 0, offset: 0 }
    const bounded = await ask(rig, [wish], { maxBytes: -1 })
    const { errorCode, records } = bounded.responses[0]!.partitions[0]!
    assert.equal([errorName(errorCode), records?.length], ['UNKNOWN_SERVER_ERROR', 0])
    const levelled = await ask(rig, [wish], { isolationLevel: 2 })
    assert.is(errorName(levelled.errorCode), 'UNKNOWN_SERVER_ERROR')
  })
})

test('a session without partitions is kept for its next request, no longer', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const { sessionId } = await ask(rig, [], { sessionEpoch: 0 })
    assert.ok(sessionId > 0)
    assert.is((await ask(rig, [], { sessionId, sessionEpoch: 1 })).sessionId, 0)
    const gone = await ask(rig, [], { sessionId, sessionEpoch: 2 })
    assert.is(errorName(gone.errorCode), 'FETCH_SESSION_ID_NOT_FOUND')
  })
})

test('an incremental fetch tells what is new, and only that', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[1], [1], [1]] })
    const wishes = [0, 1, 2].map((partition) => ({ topicId, partition, offset: 0 }))
    const full = await ask(rig, wishes, { sessionEpoch: 0 })
    assert.ok(full.sessionId > 0)
    assert.equal(partitionsOf(full), [0, 1, 2])
    const { sessionId } = full
    assert.equal(partitionsOf(await ask(rig, [], { sessionId, sessionEpoch: 1 })), [])
    await produceTo(rig, 1, 'orders', batchOf(['a']), { index: 1 })
    const news = await ask(rig, [], { sessionId, sessionEpoch: 2 })
    assert.equal(partitionsOf(news), [1])
    // Who did not take it is told again.
    assert.equal(partitionsOf(await ask(rig, [], { sessionId, sessionEpoch: 3 })), [1])
    const taken = { topicId, partition: 1, offset: 1 }
    assert.equal(partitionsOf(await ask(rig, [taken], { sessionId, sessionEpoch: 4 })), [])
    const forgottenTopicsData = [{ topic: '', topicId, partitions: [2] }]
    await ask(rig, [], { sessionId, sessionEpoch: 5, forgottenTopicsData })
    await produceTo(rig, 1, 'orders', batchOf(['b']), { index: 2 })
    assert.equal(partitionsOf(await ask(rig, [], { sessionId, sessionEpoch: 6 })), [])
  })
})

test('a session counts its requests', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders')
    const wish = { topicId, partition: 0, offset: 0 }
    const { sessionId } = await ask(rig, [wish], { sessionEpoch: 0 })
    const error = async (more: Partial<FetchRequest>) =>
      errorName((await ask(rig, [], more)).errorCode)
    assert.is(await error({ sessionId, sessionEpoch: 1 }), 'NONE')
    assert.is(await error({ sessionId, sessionEpoch: 1 }), 'INVALID_FETCH_SESSION_EPOCH')
    assert.is(
      await error({ sessionId: sessionId + 1, sessionEpoch: 2 }),
      'FETCH_SESSION_ID_NOT_FOUND',
    )
    const anew = await ask(rig, [wish], { sessionId, sessionEpoch: 0 })
    assert.is.not(anew.sessionId, sessionId)
    assert.is(await error({ sessionId, sessionEpoch: 2 }), 'FETCH_SESSION_ID_NOT_FOUND')
  })
})

test('the cache is bounded: consumers go without, followers push consumers out', async () => {
  const slots = { 'max.incremental.fetch.session.cache.slots': '2' }
  await withBrokers(
    [1],
    async (rig) => {
      const topicId = rig.createTopic('orders', { replicas: [[1, 2]] })
      const wish = { topicId, partition: 0, offset: 0 }
      const begin = async (replicaId = -1) =>
        (
          await ask(rig, [wish], {
            sessionEpoch: 0,
            replicaState: { replicaId, replicaEpoch: -1 },
          })
        ).sessionId
      const first = await begin()
      assert.ok(first > 0)
      assert.ok((await begin()) > 0)
      assert.is(await begin(), 0)
      assert.ok((await begin(2)) > 0)
      const gone = await ask(rig, [], { sessionId: first, sessionEpoch: 1 })
      assert.is(errorName(gone.errorCode), 'FETCH_SESSION_ID_NOT_FOUND')
      await rig.clock.advance(120_001)
      assert.ok((await begin()) > 0, 'who is idle for long makes room')
    },
    slots,
  )
})

test('a second fetch of a session lets go of the parked one', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders')
    const wish = { topicId, partition: 0, offset: 0 }
    const { sessionId } = await ask(rig, [wish], { sessionEpoch: 0 })
    const parked = ask(rig, [], { sessionId, sessionEpoch: 1, maxWaitMs: 10_000 })
    const second = ask(rig, [], { sessionId, sessionEpoch: 2, maxWaitMs: 10_000 })
    assert.equal(partitionsOf(await parked), [])
    await produceTo(rig, 1, 'orders', batchOf(['a']))
    assert.equal(partitionsOf(await second), [0])
  })
})

test('minBytes waits for as many, or for the time', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders')
    const wish = { topicId, partition: 0, offset: 0 }
    const one = batchOf(['a'])
    const waiting = ask(rig, [wish], { minBytes: one.length * 2, maxWaitMs: 5_000 })
    let done = false
    void waiting.then(() => {
      done = true
    })
    await produceTo(rig, 1, 'orders', batchOf(['a']))
    await rig.clock.advance(10)
    assert.is(done, false)
    await produceTo(rig, 1, 'orders', batchOf(['b']))
    const { records } = (await waiting).responses[0]!.partitions[0]!
    assert.is(records!.length, one.length * 2)
    const late = ask(rig, [{ ...wish, offset: 2 }], { minBytes: 1, maxWaitMs: 100 })
    await rig.clock.advance(100)
    assert.is((await late).responses[0]!.partitions[0]!.records!.length, 0)
  })
})

test('the first batch comes whole whatever the limits; the others wait their turn', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[1], [1]] })
    const big = batchOf(['x'.repeat(1_000)])
    await produceTo(rig, 1, 'orders', Buffer.from(big), { index: 0 })
    await produceTo(rig, 1, 'orders', Buffer.from(big), { index: 1 })
    const wishes = [0, 1].map((partition) => ({ topicId, partition, offset: 0, max: 100 }))
    const full = await ask(rig, wishes, { sessionEpoch: 0, maxBytes: 100 })
    const sizes = (answer: typeof full) =>
      answer.responses.flatMap((t) =>
        t.partitions.map((p) => [p.partitionIndex, p.records!.length]),
      )
    assert.equal(sizes(full), [
      [0, big.length],
      [1, 0],
    ])
    const { sessionId } = full
    const next = await ask(rig, [], { sessionId, sessionEpoch: 1, maxBytes: 100 })
    assert.equal(sizes(next), [[1, big.length]], 'who was served goes to the end')
  })
})

test('followers: an older broker epoch is refused, divergence is told with error code 0', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[1, 2]] })
    rig.network.partition([[1, 100], [2]])
    await produceTo(rig, 1, 'orders', batchOf(['a', 'b']), { acks: 1 })
    const registered = rig.node(2).broker.host.brokerEpoch()
    const as = async (replicaEpoch: number, offset: number, lastFetchedEpoch: number) => {
      const asked = request([{ topicId, partition: 0, offset }], {
        replicaState: { replicaId: 2, replicaEpoch },
      })
      asked.topics[0]!.partitions[0]!.lastFetchedEpoch = lastFetchedEpoch
      return (await rig.ask(1, fetch, Fetch, 17, asked))!.responses[0]!.partitions[0]!
    }
    assert.is(errorName((await as(registered - 1, 0, -1)).errorCode), 'NOT_LEADER_OR_FOLLOWER')
    const diverging = await as(registered, 5, 0)
    assert.is(diverging.errorCode, 0)
    assert.equal(diverging.divergingEpoch, { epoch: 0, endOffset: 2 })
    assert.is(diverging.records!.length, 0)
    assert.is((await as(registered, 0, -1)).highWatermark, 0)
    assert.is((await as(registered, 2, 0)).highWatermark, 2)
  })
})

test('who was told of a divergence is told the high watermark again once it has truncated', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[1]] })
    await produceTo(rig, 1, 'orders', batchOf(['a', 'b']))
    const from = async (offset: number, sessionId: number, sessionEpoch: number) => {
      const asked = request([{ topicId, partition: 0, offset }], { sessionId, sessionEpoch })
      asked.topics[0]!.partitions[0]!.lastFetchedEpoch = 0
      return (await rig.ask(1, fetch, Fetch, 17, asked))!
    }
    const { sessionId, responses } = await from(5, 0, 0)
    assert.equal(responses[0]!.partitions[0]!.divergingEpoch, { epoch: 0, endOffset: 2 })
    const truncated = await from(2, sessionId, 1)
    assert.is(truncated.responses[0]?.partitions[0]?.highWatermark, 2)
    assert.equal(partitionsOf(await ask(rig, [], { sessionId, sessionEpoch: 2 })), [])
  })
})

test('consumers may read a follower from v11 on, below its high watermark', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[2, 1]] })
    await rig.clock.advance(50)
    const producing = produceTo(rig, 2, 'orders', batchOf(['a']))
    await rig.clock.advance(1_000)
    await producing
    const read = await ask(rig, [{ topicId, partition: 0, offset: 0 }])
    assert.ok(read.responses[0]!.partitions[0]!.records!.length > 0)
    const old = await fetchedPartition(fetchFrom(rig, 1, 'orders', 0, { version: 10 }))
    assert.is(errorName(old.errorCode), 'NOT_LEADER_OR_FOLLOWER')
  })
})

test.run()
