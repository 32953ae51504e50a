/** Records written, and who writes them. */
import type { Request } from '../../../transport/protocol/api.ts'
import { encodeBatch, type NewRecord } from '../../../transport/records/records.ts'
import { Produce } from '../../../transport/schemas/00-produce.ts'
import { InitProducerId } from '../../../transport/schemas/22-init-producer-id.ts'
import { DescribeProducers } from '../../../transport/schemas/61-describe-producers.ts'
import { batchOf, codecs, hourMs, oddBatches, packedBatches, spring } from './batches.ts'
import type { Part } from './peer.ts'
import { newProducer, now, place, produce, readAll, unknownId, write } from './places.ts'
import { type Scenario, scenario } from './scenario.ts'

export const producedScenarios: Scenario[] = [
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
]
