/** Produce: what a leader takes, and with which error it refuses the rest. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { produce } from '../../actors/apis/00-produce.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { layout } from '../../transport/records/batch.ts'
import { encodeBatch } from '../../transport/records/records.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { producedError, produceTo } from '../replica/clients.ts'
import { batchOf, withBrokers } from '../replica/rig.ts'

const test = suite('Produce')

test('every version is answered, by id from v13', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders')
    for (let version = 3; version <= 13; version++) {
      const topic = version >= 13 ? { name: '', topicId } : { name: 'orders', topicId: ZERO_UUID }
      const answer = await rig.ask(1, produce, Produce, version, {
        transactionalId: null,
        acks: -1,
        timeoutMs: 1_000,
        topicData: [{ ...topic, partitionData: [{ index: 0, records: batchOf(['a']) }] }],
      })
      const { errorCode, baseOffset } = answer!.responses[0]!.partitionResponses[0]!
      assert.is(errorCode, 0)
      assert.is(baseOffset, version - 3)
    }
  })
})

test('what a leader does not take', async () => {
  await withBrokers([1, 2], async (rig) => {
    rig.createTopic('orders', { replicas: [[1], [2]] })
    rig.createTopic('__consumer_offsets', { replicas: [[1]] })
    const one = batchOf(['a'])
    const refused = async (
      name: string,
      records: Buffer,
      options?: Parameters<typeof produceTo>[4],
    ) => producedError(produceTo(rig, 1, name, records, options))
    assert.is(await refused('orders', one, { acks: 2 }), 'INVALID_REQUIRED_ACKS')
    assert.is(await refused('nowhere', one), 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.is(await refused('orders', one, { index: 9 }), 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.is(await refused('orders', one, { index: 1 }), 'NOT_LEADER_OR_FOLLOWER')
    assert.is(await refused('__consumer_offsets', one), 'INVALID_TOPIC_EXCEPTION')
    assert.is(await refused('orders', Buffer.alloc(0)), 'INVALID_RECORD')
    assert.is(await refused('orders', Buffer.concat([one, batchOf(['b'])])), 'INVALID_RECORD')
    assert.is(await refused('orders', one.subarray(0, 40)), 'INVALID_RECORD')
    const unknown = Buffer.from(one)
    unknown[layout.magic] = 3
    assert.is(await refused('orders', unknown), 'CORRUPT_MESSAGE')
    const broken = Buffer.from(one)
    broken[broken.length - 1]! ^= 1
    assert.is(await refused('orders', broken), 'CORRUPT_MESSAGE')
    assert.is(rig.node(1).store.get({ topic: 'orders', partition: 0 })!.endOffset(), 0)
  })
})

test('transactional batches are refused, a transactional id alone is not', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const ask = async (transactionalId: string | null, isTransactional: boolean) => {
      const records = batchOf(['a'], { isTransactional })
      const answer = await rig.ask(1, produce, Produce, 9, {
        transactionalId,
        acks: -1,
        timeoutMs: 1_000,
        topicData: [{ name: 'orders', topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }],
      })
      return answer!.responses[0]!.partitionResponses[0]!.errorCode
    }
    assert.is(await ask('tx', false), 0)
    assert.is(await ask('tx', true), errorCodes.INVALID_TXN_STATE)
    assert.is(await ask(null, true), errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  })
})

test('a refusal tells where the log begins, and which records it is about', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const record = { key: null, value: null, timestamp: Number.MAX_SAFE_INTEGER - 10 }
    const late = encodeBatch({ baseOffset: 0, leaderEpoch: -1, records: [record, record] })
    const told = await produceTo(rig, 1, 'orders', late)
    const { errorCode, logStartOffset, recordErrors } = told!.responses[0]!.partitionResponses[0]!
    assert.is(errorCode, errorCodes.INVALID_TIMESTAMP)
    assert.is(logStartOffset, 0)
    assert.equal(
      recordErrors.map(({ batchIndex }) => batchIndex),
      [0, 1],
    )
  })
})

test('what is cut off behind the batch is left away', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const one = batchOf(['a'])
    const told = await produceTo(rig, 1, 'orders', Buffer.concat([one, one.subarray(0, 40)]))
    assert.is(told!.responses[0]!.partitionResponses[0]!.errorCode, 0)
    assert.is(rig.node(1).store.get({ topic: 'orders', partition: 0 })!.sizeBytes(), one.length)
  })
})

test('NOT_LEADER_OR_FOLLOWER names the leader and where it is reached, from v10', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[2]] })
    const ask = async (version: number) =>
      (await rig.ask(1, produce, Produce, version, {
        transactionalId: null,
        acks: 1,
        timeoutMs: 1_000,
        topicData: [
          {
            name: version >= 13 ? '' : 'orders',
            topicId: version >= 13 ? topicId : ZERO_UUID,
            partitionData: [{ index: 0, records: batchOf(['a']) }],
          },
        ],
      }))!
    for (const version of [10, 13]) {
      const answer = await ask(version)
      const { currentLeader } = answer.responses[0]!.partitionResponses[0]!
      assert.equal(currentLeader, { leaderId: 2, leaderEpoch: 0 })
      assert.equal(answer.nodeEndpoints, [{ nodeId: 2, host: 'host-2', port: 9002, rack: null }])
    }
    assert.is((await ask(9)).responses[0]!.partitionResponses[0]!.currentLeader.leaderId, -1)
  })
})

test('acks=0 is not answered, and is appended all the same', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    assert.is(await produceTo(rig, 1, 'orders', batchOf(['a']), { acks: 0 }), undefined)
    assert.is(rig.node(1).store.get({ topic: 'orders', partition: 0 })!.endOffset(), 1)
  })
})

test('what is refused with acks=0 ends its connection, which is all that its client can be told', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const whys: string[] = []
    const asker = { hangUp: (why: string) => void whys.push(why) }
    const ask = (records: Buffer, index = 0) =>
      produceTo(rig, 1, 'orders', records, { acks: 0, index, asker })
    assert.is(await ask(batchOf(['a'])), undefined)
    assert.equal(whys, [])
    const spoiled = batchOf(['b'])
    spoiled[spoiled.length - 1]! ^= 1
    assert.is(await ask(spoiled), undefined)
    assert.is(await ask(batchOf(['c']), 7), undefined)
    assert.is(whys.length, 2, whys.join())
    assert.match(whys[0]!, /acks=0: CORRUPT_MESSAGE/)
    assert.match(whys[1]!, /acks=0: UNKNOWN_TOPIC_OR_PARTITION/)
    assert.is(rig.node(1).store.get({ topic: 'orders', partition: 0 })!.endOffset(), 1)
  })
})

test('a repeated batch of an idempotent producer gets its first offset', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const batch = () => batchOf(['a', 'b'], { producerId: 7, producerEpoch: 0, baseSequence: 0 })
    const offset = async (records: Buffer) =>
      (await produceTo(rig, 1, 'orders', records))!.responses[0]!.partitionResponses[0]!.baseOffset
    assert.is(await offset(batch()), 0)
    assert.is(await offset(batch()), 0)
    const gap = batchOf(['c'], { producerId: 7, producerEpoch: 0, baseSequence: 9 })
    assert.is(await producedError(produceTo(rig, 1, 'orders', gap)), 'OUT_OF_ORDER_SEQUENCE_NUMBER')
    assert.is(rig.node(1).store.get({ topic: 'orders', partition: 0 })!.endOffset(), 2)
  })
})

test.run()
