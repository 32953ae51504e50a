/** One follower's side of a fetch session, with answers that are late, lost or overtaken. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InvariantError, invariant } from '../../actors/invariant.ts'
import type { Log } from '../../actors/ports/log.ts'
import { createFetcher, type FetchedData, type FetcherPorts } from '../../actors/replica/fetcher.ts'
import { newPartition, type Partition } from '../../actors/replica/partition.ts'
import { silent } from '../storage/support.ts'
import { type FakeClock, fakeClock } from '../support/clock.ts'

const test = suite('fetcher')

type Request = Parameters<FetcherPorts['send']>[0]
type Answer = Awaited<ReturnType<FetcherPorts['send']>>
type Sent = { request: Request; answer(of: Answer): void; lose(): void }

const replicaOf = (name: string): Partition => {
  const log = {
    endOffset: () => 5,
    startOffset: () => 0,
    latestEpoch: () => 0,
    config: () => ({ flushMessages: Number.MAX_SAFE_INTEGER }),
  } as unknown as Log
  const partition = newPartition({ topic: name, partition: 0 }, name, log, 0)
  partition.context = { ...partition.context, leader: 1, leaderEpoch: 0 }
  return partition
}

const dataOf = (highWatermark: number): FetchedData => ({
  partitionIndex: 0,
  errorCode: 0,
  highWatermark,
  lastStableOffset: highWatermark,
  logStartOffset: 0,
  abortedTransactions: null,
  preferredReadReplica: -1,
  records: null,
  divergingEpoch: { epoch: -1, endOffset: -1 },
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
  snapshotId: { endOffset: -1, epoch: -1 },
})

const answerOf = (highWatermarks: Record<string, number>, more: Partial<Answer> = {}): Answer => ({
  throttleTimeMs: 0,
  errorCode: 0,
  sessionId: 7,
  responses: Object.entries(highWatermarks).map(([topicId, highWatermark]) => ({
    topic: '',
    topicId,
    partitions: [dataOf(highWatermark)],
  })),
  nodeEndpoints: [],
  ...more,
})

function fetcherOf(...replicas: Partition[]) {
  const clock: FakeClock = fakeClock()
  const sent: Sent[] = []
  const told = new Map<string, number>()
  const halted: unknown[] = []
  const fetcher = createFetcher({
    leaderId: 1,
    nodeId: 2,
    clock,
    log: silent,
    settings: () => ({
      waitMsMax: 500,
      minBytes: 1,
      partitionBytesMax: 1_000_000,
      responseBytesMax: 10_000_000,
      backoffMsMax: 1_000,
      timeoutMs: 3_000,
    }),
    brokerEpoch: () => 9,
    send: (request) =>
      new Promise((resolve, reject) => {
        sent.push({ request, answer: resolve, lose: () => reject(new Error('no answer')) })
      }),
    find: ({ topicId }) => replicas.find((each) => each.topicId === topicId),
    take: (partition, data) => {
      invariant(data.highWatermark >= 0, 'offsets are not negative')
      told.set(partition.topic, data.highWatermark)
      return 'nothingNew'
    },
    idle: () => {},
    halt: (why) => halted.push(why),
  })
  const settled = () => clock.advance(0)
  return { clock, fetcher, halted, sent, settled, told }
}

/** The session stands, and an incremental fetch is parked at the leader. */
async function parked(...replicas: Partition[]) {
  const of = fetcherOf(...replicas)
  of.fetcher.add(replicas[0]!)
  await of.settled()
  of.sent[0]!.answer(answerOf({ [replicas[0]!.topicId]: 0 }))
  await of.settled()
  assert.is(of.sent.length, 2)
  assert.equal([of.sent[1]!.request.sessionId, of.sent[1]!.request.sessionEpoch], [7, 1])
  return of
}

test('what an overtaken fetch was told counts: the leader does not say it twice', async () => {
  const [orders, bills] = [replicaOf('orders'), replicaOf('bills')]
  const { fetcher, sent, settled, told } = await parked(orders, bills)
  fetcher.add(bills)
  await settled()
  assert.is(sent.length, 3, 'the next fetch does not wait for the parked one')
  sent[1]!.answer(answerOf({ orders: 5 }))
  await settled()
  assert.is(told.get('orders'), 5)
  assert.is(sent.length, 3)
})

test('an overtaken fetch says nothing of who was named anew since', async () => {
  const [orders, bills] = [replicaOf('orders'), replicaOf('bills')]
  const { fetcher, sent, settled, told } = await parked(orders, bills)
  fetcher.remove(orders)
  fetcher.add(orders)
  await settled()
  assert.is(sent.length, 3)
  sent[1]!.answer(answerOf({ orders: 3 }))
  await settled()
  assert.is(told.get('orders'), 0)
})

test('when the answer to an overtaken fetch is lost, the session begins anew', async () => {
  const [orders, bills] = [replicaOf('orders'), replicaOf('bills')]
  const { fetcher, sent, settled } = await parked(orders, bills)
  fetcher.add(bills)
  await settled()
  sent[2]!.answer(answerOf({ bills: 2 }))
  await settled()
  sent[1]!.lose()
  await settled()
  sent[3]!.answer(answerOf({}))
  await settled()
  const { sessionEpoch, topics } = sent[4]!.request
  assert.is(sessionEpoch, 0)
  assert.equal(topics.map(({ topicId }) => topicId).sort(), ['bills', 'orders'])
})

test('answers that change places lose nothing either', async () => {
  const [orders, bills] = [replicaOf('orders'), replicaOf('bills')]
  const { fetcher, sent, settled, told } = await parked(orders, bills)
  fetcher.add(bills)
  await settled()
  sent[2]!.answer(answerOf({ bills: 2, orders: 5 }))
  await settled()
  sent[1]!.answer(answerOf({ orders: 4 }))
  await settled()
  assert.is(told.get('orders'), 5, 'the newest word stands')
  sent[3]!.answer(answerOf({}))
  await settled()
  assert.is(sent[4]!.request.sessionEpoch, 0)
})

test('the empty answer to a fetch that was let go changes nothing', async () => {
  const [orders, bills] = [replicaOf('orders'), replicaOf('bills')]
  const { fetcher, sent, settled } = await parked(orders, bills)
  fetcher.add(bills)
  await settled()
  sent[2]!.answer(answerOf({ bills: 2 }))
  sent[1]!.answer(answerOf({}))
  await settled()
  sent[3]!.answer(answerOf({}))
  await settled()
  assert.equal([sent[4]!.request.sessionId, sent[4]!.request.sessionEpoch], [7, 4])
})

test('an answer and a new partition in one turn make one fetch', async () => {
  const [orders, bills] = [replicaOf('orders'), replicaOf('bills')]
  const { fetcher, sent, settled } = await parked(orders, bills)
  sent[1]!.answer(answerOf({}))
  fetcher.add(bills)
  await settled()
  assert.is(sent.length, 3)
  assert.is(sent[2]!.request.sessionEpoch, 2)
})

test('a leader that refuses every fetch is not asked without pause', async () => {
  const orders = replicaOf('orders')
  const { clock, fetcher, sent } = fetcherOf(orders)
  fetcher.add(orders)
  for (let i = 0; i < 200; i++) {
    await clock.advance(10)
    sent.at(-1)!.answer(answerOf({}, { errorCode: -1, sessionId: 0 }))
  }
  assert.ok(sent.length < 30, `${sent.length} fetches in 2 s`)
  fetcher.stop()
})

test('a broken invariant is no failed fetch: it ends the node', async () => {
  const orders = replicaOf('orders')
  const { halted, sent, settled } = await parked(orders)
  sent[1]!.answer(answerOf({ orders: -1 }))
  await settled()
  assert.ok(halted[0] instanceof InvariantError)
  assert.is(sent.length, 2)
})

test.run()
