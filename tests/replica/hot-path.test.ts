/**
 * What keeps the hot path lean, as far as it can be told without a watch: memory is shared, charts are
 * left alone, timers end, and a follower is answered once for all that a request brought.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { produce } from '../../actors/apis/00-produce.ts'
import { decodeRequest, encodeRequest, peekRequestHeader } from '../../transport/protocol/api.ts'
import { decoder } from '../../transport/protocol/codec.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { fetchFrom, produceTo } from './clients.ts'
import { batchOf, type Rig, withBrokers } from './rig.ts'

const test = suite('hot path')
const PARTITIONS = 6
const everywhere = Array.from({ length: PARTITIONS }, () => [1, 2, 3])

/** A Produce frame as it comes from a socket, with one batch for each partition. */
function frameFor(topic: string, valueBytes: number): Buffer {
  const header = { correlationId: 1, clientId: 'test' }
  const partitionData = everywhere.map((_, index) => ({
    index,
    records: batchOf(['x'.repeat(valueBytes)]),
  }))
  const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData }]
  const request = { transactionalId: null, acks: -1, timeoutMs: 30_000, topicData }
  return Buffer.concat(encodeRequest(Produce, 12, header, request))
}

async function produceFrame(rig: Rig, frame: Buffer): Promise<void> {
  const request = decodeRequest(Produce, peekRequestHeader(frame), frame)
  const producing = rig.ask(1, produce, Produce, 12, request)
  await rig.clock.advance(1)
  for (const { errorCode } of (await producing)!.responses[0]!.partitionResponses) {
    assert.is(errorCode, 0)
  }
}

test('three replicas keep the memory of the one frame that a client sent', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders', { replicas: everywhere })
    await rig.clock.advance(50)
    const frame = frameFor('orders', 10_000)
    await produceFrame(rig, frame)
    for (const id of [1, 2, 3]) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const log = rig.node(id).store.get({ topic: 'orders', partition })!
        assert.is(log.read(0, 1e6, 1, true).buffer, frame.buffer, `node ${id}, ${partition}`)
      }
    }
  })
})

test('each follower is answered once for all partitions of a request', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders', { replicas: everywhere })
    // Two no-news answers on, what is parked remembers nothing of earlier news.
    await rig.clock.advance(1_500)
    const answers: number[] = []
    rig.onAnswer = (_, api, answer) => {
      if (api === 'Fetch') {
        const { responses } = decoder(Fetch.response, 18)(answer, 0) as FetchAnswer
        answers.push(responses.flatMap(({ partitions }) => partitions).length)
      }
      return answer
    }
    await produceFrame(rig, frameFor('orders', 100))
    assert.equal(answers.slice(0, 2), [PARTITIONS, PARTITIONS])
  })
})
type FetchAnswer = { responses: { partitions: unknown[] }[] }

test('no chart hears of produce, replication or fetch', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const woken: number[] = []
    for (const [id, { broker }] of rig.nodes) {
      for (const row of broker.host.replicas.rows()) {
        Object.defineProperty(row, 'actor', {
          get: () => undefined,
          set: () => woken.push(id),
        })
      }
    }
    for (let i = 0; i < 20; i++) {
      const producing = produceTo(rig, 1, 'orders', batchOf(['a']))
      await rig.clock.advance(1)
      await producing
      await fetchFrom(rig, 1, 'orders', i)
    }
    assert.equal(woken, [])
  })
})

test('timers of requests end with them', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(1_000)
    const rounds = async (count: number, from: number) => {
      for (let i = 0; i < count; i++) {
        const waiting = fetchFrom(rig, 1, 'orders', from + i, { maxWaitMs: 30_000 })
        const producing = produceTo(rig, 1, 'orders', batchOf(['a']))
        await rig.clock.advance(1)
        await Promise.all([producing, waiting])
      }
    }
    await rounds(5, 0)
    const before = rig.clock.pendingTimers()
    await rounds(100, 5)
    assert.ok(rig.clock.pendingTimers() <= before + 2, `${before} before`)
  })
})

test.run()
