/** Records written, read, found and deleted. */

import type { Request } from '../../../transport/protocol/api.ts'
import { encodeBatch, type NewRecord } from '../../../transport/records/records.ts'
import { Produce } from '../../../transport/schemas/00-produce.ts'
import { Fetch } from '../../../transport/schemas/01-fetch.ts'
import { ListOffsets } from '../../../transport/schemas/02-list-offsets.ts'
import { DeleteRecords } from '../../../transport/schemas/21-delete-records.ts'
import { InitProducerId } from '../../../transport/schemas/22-init-producer-id.ts'
import { OffsetForLeaderEpoch } from '../../../transport/schemas/23-offset-for-leader-epoch.ts'
import { DescribeLogDirs } from '../../../transport/schemas/35-describe-log-dirs.ts'
import { DescribeProducers } from '../../../transport/schemas/61-describe-producers.ts'
import { batchOf, codecs, hourMs, oddBatches, packedBatches, spring } from './batches.ts'
import type { Part, Peer } from './peer.ts'
import { makeTopic, type Scenario, scenario } from './scenario.ts'

/** The same for both, so that what is packed has one size. */
const now = Date.now()
const unknownId = 'QUJDREVGR0hJSktMTU5PUA'

type Place = { name: string; topicId: string }
type Sent = { acks?: number; transactionalId?: string | null; index?: number }

const produce = (peer: Peer, v: number, to: Place, records: Buffer, sent: Sent = {}) => {
  const { acks = -1, transactionalId = null, index = 0 } = sent
  return peer.ask(Produce, v, {
    transactionalId,
    acks,
    timeoutMs: 5_000,
    topicData: [{ ...to, partitionData: [{ index, records }] }],
  })
}

const write = async (peer: Peer, to: Place, ...batches: Buffer[]) => {
  for (const records of batches) {
    const { responses } = await peer.quietly(Produce, 13, {
      acks: -1,
      transactionalId: null,
      timeoutMs: 5_000,
      topicData: [{ ...to, partitionData: [{ index: 0, records }] }],
    })
    const code = responses[0]!.partitionResponses[0]!.errorCode
    if (code !== 0) throw new Error(`${peer.name} refused a batch with ${code}`)
  }
}

async function place(peer: Peer, name: string, partitions = 1, configs?: Record<string, string>) {
  return { name, topicId: await makeTopic(peer, name, partitions, configs) }
}

/** Kafka has no ids to give until its first block has come. */
async function newProducer(peer: Peer): Promise<number> {
  for (;;) {
    const { errorCode, producerId } = await peer.quietly(InitProducerId, 4, {
      transactionalId: null,
    })
    if (errorCode === 0) return producerId
  }
}

type FetchPart = Part<Request<typeof Fetch>>
type Wanted = Partial<FetchPart['topics'] extends (infer T)[] | undefined ? T : never>

const readAll = (peer: Peer, v: number, from: Place, fetchOffset = 0, more: FetchPart = {}) =>
  peer.ask(Fetch, v, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 10_000_000,
    topics: [
      { ...from, topic: from.name, partitions: [{ fetchOffset, partitionMaxBytes: 1_000_000 }] },
    ],
    ...more,
  })

export const dataScenarios: Scenario[] = [
  scenario('Produce', Produce, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    for (const acks of [-1, 1]) await produce(peer, v, to, batchOf(), { acks })
    for (const acks of [2, -2]) await produce(peer, v, to, batchOf(), { acks })
    await produce(peer, v, to, batchOf({}, 3), { index: 1 })
    await produce(peer, v, to, batchOf(), { index: 2 })
    await produce(peer, v, to, batchOf(), { index: -1 })
    await produce(peer, v, { name: `${own}-none`, topicId: unknownId }, batchOf())
    await produce(peer, v, { name: 'bad/name', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' }, batchOf())
    const partition = (index: number) => ({ index, records: batchOf() })
    await peer.ask(Produce, v, { acks: -1, transactionalId: null, timeoutMs: 5_000 })
    await peer.ask(Produce, v, {
      acks: -1,
      transactionalId: null,
      timeoutMs: 5_000,
      topicData: [
        { ...to, partitionData: [partition(0), partition(1), partition(7)] },
        { name: `${own}-none`, topicId: unknownId, partitionData: [partition(0)] },
      ],
    })
    await readAll(peer, 13, to)
  }),

  scenario('Produce of odd batches', Produce, async (peer, v, own) => {
    const to = await place(peer, own)
    for (const [odd, make] of Object.entries(oddBatches)) {
      peer.note('case', odd)
      await produce(peer, v, to, make())
    }
    await readAll(peer, 13, to)
  }),

  scenario(
    'Produce of packed batches',
    Produce,
    async (peer, v, own) => {
      const to = await place(peer, own)
      for (const [odd, make] of Object.entries(packedBatches)) {
        peer.note('case', odd)
        await produce(peer, v, to, make())
      }
      await readAll(peer, 13, to)
    },
    [3, 13],
  ),

  scenario('Produce to a compacted topic and by LogAppendTime', Produce, async (peer, v, own) => {
    const compacted = await place(peer, `${own}-c`, 1, { 'cleanup.policy': 'compact' })
    const keyless = encodeBatch({
      baseOffset: 0,
      leaderEpoch: -1,
      records: ['a', null].map((key) => ({
        key: key === null ? null : Buffer.from(key),
        value: Buffer.from('v'),
        timestamp: spring,
      })),
    })
    await produce(peer, v, compacted, keyless)
    await produce(peer, v, compacted, batchOf())
    const byBroker = await place(peer, `${own}-l`, 1, { 'message.timestamp.type': 'LogAppendTime' })
    await produce(peer, v, byBroker, batchOf({}, 2))
    await produce(peer, v, byBroker, batchOf({ compression: 'gzip' }, 2, Date.now() + 5 * hourMs))
    await readAll(peer, 13, byBroker)
    const strict = await place(peer, `${own}-s`, 1, {
      'message.timestamp.before.max.ms': '1000',
      'message.timestamp.after.max.ms': '1000',
      'max.message.bytes': '100',
    })
    await produce(peer, v, strict, batchOf({}, 2))
    await produce(peer, v, strict, batchOf({}, 1, Date.now()))
    await produce(peer, v, strict, batchOf({}, 2, Date.now() - 30_000))
    await produce(peer, v, strict, batchOf({}, 1, Date.now() + 30_000))
    await produce(peer, v, strict, batchOf({ compression: 'gzip' }, 2))
    const squeezed = await place(peer, `${own}-z`, 1, { 'compression.type': 'gzip' })
    await produce(peer, v, squeezed, batchOf({}, 2))
    const minimum = await place(peer, `${own}-m`, 1, { 'min.insync.replicas': '2' })
    await produce(peer, v, minimum, batchOf())
    await produce(peer, v, minimum, batchOf(), { acks: 1 })
  }),

  scenario('Produce of each codec where keys and times count', Produce, async (peer, v, own) => {
    const compacted = await place(peer, `${own}-c`, 1, { 'cleanup.policy': 'compact,delete' })
    const byBroker = await place(peer, `${own}-l`, 1, { 'message.timestamp.type': 'LogAppendTime' })
    const strict = await place(peer, `${own}-s`, 1, {
      'message.timestamp.before.max.ms': '3600000',
      'message.timestamp.after.max.ms': '3600000',
    })
    const record = (key: string | null, timestamp: number) => ({
      key: key === null ? null : Buffer.from(key),
      value: Buffer.from('v'),
      timestamp,
    })
    const sets: Record<string, NewRecord[]> = {
      sound: [record('a', now), record('b', now)],
      'no key': [record('a', now), record(null, now), record(null, now)],
      early: [record('a', now), record('b', now - 2 * hourMs)],
      late: [record('a', now + 2 * hourMs), record('b', now)],
      'no time': [record('a', -1), record('b', now)],
      'before 1970': [record('a', -5), record('b', now)],
      'all of it': [record(null, now + 2 * hourMs), record('b', now - 2 * hourMs), record('c', -1)],
    }
    for (const compression of v >= 7 ? codecs : (['none', 'lz4'] as const)) {
      for (const [what, records] of Object.entries(sets)) {
        for (const timestampType of ['CreateTime', 'LogAppendTime'] as const) {
          for (const to of [compacted, byBroker, strict]) {
            peer.note('case', `${compression} ${timestampType} ${what}`)
            const batch = { baseOffset: 0, leaderEpoch: -1, records, compression, timestampType }
            await produce(peer, v, to, encodeBatch(batch))
          }
        }
      }
    }
    for (const to of [compacted, byBroker, strict]) await readAll(peer, 13, to)
  }),

  scenario('Produce of batches with something behind them', Produce, async (peer, v, own) => {
    const to = await place(peer, own)
    for (const bytes of [1, 11, 12, 16, 17, 40, 70]) {
      await produce(peer, v, to, Buffer.concat([batchOf(), batchOf().subarray(0, bytes)]))
    }
    await produce(peer, v, to, batchOf(), { transactionalId: 'some' })
    await readAll(peer, 13, to)
  }),

  scenario('Produce by idempotent producers', Produce, async (peer, v, own) => {
    const to = await place(peer, own)
    const producerId = await newProducer(peer)
    const send = (baseSequence: number, count = 1, producerEpoch = 0, id = producerId) =>
      produce(peer, v, to, batchOf({ producerId: id, producerEpoch, baseSequence }, count))
    await send(0)
    await send(0)
    await send(1, 3)
    await send(1, 3)
    await send(1, 2)
    await send(5)
    await send(4)
    await send(2, 2)
    for (let sequence = 5; sequence < 10; sequence++) await send(sequence)
    await send(4)
    await send(5)
    await send(0)
    await send(3, 1, 1)
    await send(0, 1, 1)
    await send(10, 1, 0)
    await send(0, 1, 0)
    await send(7, 1, 0, producerId + 1_000_000)
    await send(0, 1, 3, producerId + 1_000_001)
    await send(0x7fff_ffff, 1, 0, producerId + 1_000_002)
    await send(0, 1, 0, producerId + 1_000_002)
    await produce(
      peer,
      v,
      to,
      Buffer.concat(
        [0, 1].map((n) => batchOf({ producerId: 8, producerEpoch: 0, baseSequence: n })),
      ),
    )
  }),

  scenario('DescribeProducers', DescribeProducers, async (peer, v, own) => {
    const to = await place(peer, own)
    const { name } = to
    const ask = (...topics: { name: string; partitionIndexes: number[] }[]) =>
      peer.ask(DescribeProducers, v, { topics })
    await ask({ name, partitionIndexes: [0] })
    const producer = { producerId: await newProducer(peer), producerEpoch: 0 }
    await write(peer, to, batchOf({ ...producer, baseSequence: 0 }, 3))
    await ask({ name, partitionIndexes: [0] })
    await ask({ name, partitionIndexes: [1, -1] })
    await ask({ name: `${own}-none`, partitionIndexes: [0] })
    await ask({ name: 'bad/name', partitionIndexes: [0] })
    await ask({ name, partitionIndexes: [] })
    await ask()
  }),

  scenario(
    'InitProducerId',
    InitProducerId,
    async (peer, v) => {
      const ask = (more: Part<Request<typeof InitProducerId>>) =>
        peer.ask(InitProducerId, v, {
          transactionalId: null,
          transactionTimeoutMs: 60_000,
          ...more,
        })
      await ask({})
      await ask({})
      await ask({ transactionTimeoutMs: 0 })
      await ask({ transactionTimeoutMs: -1 })
      await ask({ transactionalId: '' })
      if (v < 3) return
      await ask({ producerId: 5, producerEpoch: 1 })
      await ask({ producerId: 5 })
      await ask({ producerEpoch: 1 })
    },
    [0, 5],
  ),

  scenario('ListOffsets', ListOffsets, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3), batchOf({}, 2, spring + 100), batchOf({}, 2, spring + 50))
    const find = (timestamp: number, index = 0, currentLeaderEpoch = -1, name = own) =>
      peer.ask(ListOffsets, v, {
        replicaId: -1,
        topics: [{ name, partitions: [{ partitionIndex: index, currentLeaderEpoch, timestamp }] }],
        timeoutMs: 1_000,
      })
    for (const special of [-1, -2, -3, -4, -5, -6, -7, -100]) await find(special)
    for (const special of [-1, -2, -3]) await find(special, 1)
    for (const after of [-1, 0, 1, 2, 3, 50, 51, 100, 101, 102]) await find(spring + after)
    await find(0)
    await find(-1, 2)
    await find(-1, -1)
    await find(-1, 0, -1, `${own}-none`)
    await find(-1, 0, -1, 'bad/name')
    if (v >= 4) {
      await find(-1, 0, 0)
      await find(-1, 0, 5)
      await find(spring, 0, 5)
    }
    const partition = (partitionIndex: number) => ({ partitionIndex, timestamp: -1 })
    const ask = (more: Part<Request<typeof ListOffsets>>) =>
      peer.ask(ListOffsets, v, {
        replicaId: -1,
        topics: [{ name: own, partitions: [partition(0), partition(1)] }],
        timeoutMs: 1_000,
        ...more,
      })
    await ask({})
    await ask({ replicaId: -2 })
    await ask({ replicaId: 7 })
    await ask({ topics: [] })
    await ask({ topics: [{ name: own, partitions: [partition(0), partition(0)] }] })
    if (v >= 2) await ask({ isolationLevel: 1 })
    if (v >= 2) await ask({ isolationLevel: 2 })
  }),

  scenario('Fetch', Fetch, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3), batchOf({}, 2), batchOf())
    const fetch = (fetchOffset: number, more: FetchPart = {}) =>
      readAll(peer, v, to, fetchOffset, more)
    for (const offset of [0, 1, 3, 5, 6]) await fetch(offset)
    for (const offset of [7, -1, -2, 1_000]) await fetch(offset)
    await fetch(6, { maxWaitMs: 20, minBytes: 1 })
    await fetch(0, { maxBytes: 10 })
    await fetch(0, { maxBytes: 0 })
    await fetch(0, { maxBytes: -1 })
    await fetch(0, { isolationLevel: 1 })
    await fetch(0, { isolationLevel: 2 })
    await fetch(0, { minBytes: -1 })
    const only = (partition: Part<Wanted>['partitions'], from = to) =>
      fetch(0, { topics: [{ ...from, topic: from.name, partitions: partition ?? [] }] })
    const bytes = { partitionMaxBytes: 1_000_000 }
    await only([{ partition: 0, partitionMaxBytes: 120 }])
    await only([{ partition: 0, partitionMaxBytes: 0 }])
    await only([{ partition: 0, partitionMaxBytes: -1 }])
    await only([{ partition: 1, ...bytes }])
    await only([{ partition: 2, ...bytes }])
    await only([{ partition: -1, ...bytes }])
    await only([{ partition: 0, ...bytes }], { name: `${own}-none`, topicId: unknownId })
    await only([{ partition: 0, ...bytes }], { name: '', topicId: 'AAAAAAAAAAAAAAAAAAAAAA' })
    await only([
      { partition: 0, fetchOffset: 0, partitionMaxBytes: 50 },
      { partition: 1, ...bytes },
    ])
    await only([
      { partition: 0, fetchOffset: 0, partitionMaxBytes: 50 },
      { partition: 0, fetchOffset: 3, ...bytes },
    ])
    await only([])
    await fetch(0, { topics: [] })
    if (v >= 9) {
      await only([{ currentLeaderEpoch: 0, ...bytes }])
      await only([{ currentLeaderEpoch: 1, ...bytes }])
    }
    if (v >= 12) {
      await only([{ lastFetchedEpoch: 0, fetchOffset: 3, ...bytes }])
      await only([{ lastFetchedEpoch: 0, fetchOffset: 7, ...bytes }])
      await only([{ lastFetchedEpoch: 3, fetchOffset: 3, ...bytes }])
      await only([{ currentLeaderEpoch: 0, lastFetchedEpoch: 0, fetchOffset: 6, ...bytes }])
    }
    if (v >= 11) await fetch(0, { rackId: 'some' })
    await fetch(0, v < 15 ? { replicaId: 7 } : { replicaState: { replicaId: 7, replicaEpoch: 1 } })
    await fetch(0, v < 15 ? { replicaId: -2 } : { replicaState: { replicaId: -2 } })
  }),

  scenario(
    'Fetch in sessions',
    Fetch,
    async (peer, v, own) => {
      const to = await place(peer, own, 2)
      await write(peer, to, batchOf({}, 2))
      const ask = (
        sessionId: number,
        sessionEpoch: number,
        partitions: number[],
        more: FetchPart = {},
      ) =>
        readAll(peer, v, to, 0, {
          sessionId,
          sessionEpoch,
          topics:
            partitions.length === 0
              ? []
              : [
                  {
                    ...to,
                    topic: own,
                    partitions: partitions.map((partition) => ({
                      partition,
                      partitionMaxBytes: 1_000_000,
                    })),
                  },
                ],
          ...more,
        })
      const { sessionId } = await ask(0, 0, [0, 1])
      const at = (fetchOffset: number, partition = 0): FetchPart => ({
        topics: [
          { ...to, topic: own, partitions: [{ partition, fetchOffset, partitionMaxBytes: 9_999 }] },
        ],
      })
      await ask(sessionId, 1, [])
      await ask(sessionId, 2, [], at(2))
      await ask(sessionId, 3, [])
      await write(peer, to, batchOf())
      await ask(sessionId, 4, [])
      await ask(sessionId, 5, [])
      await ask(sessionId, 5, [])
      await ask(sessionId, 9, [])
      await ask(sessionId, 6, [], {
        forgottenTopicsData: [{ ...to, topic: own, partitions: [0] }],
      })
      await ask(sessionId, 7, [])
      await ask(sessionId, 8, [], at(0, 7))
      await ask(sessionId, 9, [])
      await ask(sessionId, 10, [0])
      await ask(sessionId, 11, [], {
        forgottenTopicsData: [{ topic: `${own}-none`, topicId: unknownId, partitions: [0] }],
      })
      await ask(sessionId + 77, 1, [])
      await ask(sessionId + 77, 0, [0])
      await ask(0, 1, [0])
      await ask(0, -1, [0])
      await ask(sessionId, -1, [])
      await ask(sessionId, 12, [])
      const other = await ask(0, 0, [0, 1])
      const again = await ask(other.sessionId, 0, [1])
      await ask(again.sessionId, 1, [])
      await ask(0, 0, [9])
      const empty = await ask(0, 0, [])
      await ask(empty.sessionId, 1, [])
      await ask(empty.sessionId, 2, [])
      await ask(0, 0, [0], {
        topics: [{ topic: `${own}-none`, topicId: unknownId, partitions: [{}] }],
      })
    },
    [7, 18],
  ),

  scenario('OffsetForLeaderEpoch', OffsetForLeaderEpoch, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3))
    const ask = (
      topic: string,
      partition: number,
      currentLeaderEpoch: number,
      leaderEpoch: number,
    ) =>
      peer.ask(OffsetForLeaderEpoch, v, {
        replicaId: -1,
        topics: [{ topic, partitions: [{ partition, currentLeaderEpoch, leaderEpoch }] }],
      })
    for (const current of [-1, 0, 1, -2]) {
      for (const epoch of [-1, 0, 1, -2]) await ask(own, 0, current, epoch)
    }
    await ask(own, 1, -1, 0)
    await ask(own, 2, -1, 0)
    await ask(`${own}-none`, 0, -1, 0)
    await ask('bad/name', 0, -1, 0)
    await peer.ask(OffsetForLeaderEpoch, v, { replicaId: -1 })
    await peer.ask(OffsetForLeaderEpoch, v, {
      replicaId: 7,
      topics: [{ topic: own, partitions: [{ leaderEpoch: 0, currentLeaderEpoch: -1 }] }],
    })
  }),

  scenario('DeleteRecords', DeleteRecords, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3), batchOf({}, 2))
    const cut = (offset: number, partitionIndex = 0, name = own) =>
      peer.ask(DeleteRecords, v, {
        topics: [{ name, partitions: [{ partitionIndex, offset }] }],
        timeoutMs: 5_000,
      })
    await cut(2)
    await cut(1)
    await cut(2)
    await cut(6)
    await cut(-2)
    await readAll(peer, 13, to, 1)
    await readAll(peer, 13, to, 2)
    await peer.ask(ListOffsets, 9, {
      replicaId: -1,
      topics: [{ name: own, partitions: [{ timestamp: -2 }] }],
    })
    await cut(-1)
    await cut(0, 1)
    await cut(0, 2)
    await cut(0, 0, `${own}-none`)
    await cut(0, 0, 'bad/name')
    await peer.ask(DeleteRecords, v, { timeoutMs: 1_000 })
    const compacted = await place(peer, `${own}-c`, 1, { 'cleanup.policy': 'compact' })
    await write(peer, compacted, batchOf())
    await cut(1, 0, compacted.name)
  }),

  scenario('DescribeLogDirs', DescribeLogDirs, async (peer, v, own) => {
    const to = await place(peer, own, 2)
    await write(peer, to, batchOf({}, 3))
    const ask = (topics: { topic: string; partitions: number[] }[] | null) =>
      peer.ask(DescribeLogDirs, v, { topics })
    await ask([{ topic: own, partitions: [0, 1] }])
    await ask([{ topic: own, partitions: [7] }])
    await ask([{ topic: own, partitions: [] }])
    await ask([{ topic: `${own}-none`, partitions: [0] }])
    await ask([])
  }),
]
