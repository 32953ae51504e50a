/** Metadata and DescribeTopicPartitions: what clients of one listener are told of the cluster. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { metadata } from '../../actors/apis/03-metadata.ts'
import { describeTopicPartitions } from '../../actors/apis/75-describe-topic-partitions.ts'
import {
  decodeRequest,
  encodeResponse,
  peekRequestHeader,
  type Request,
} from '../../transport/protocol/api.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Metadata } from '../../transport/schemas/03-metadata.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { DescribeTopicPartitions } from '../../transport/schemas/75-describe-topic-partitions.ts'
import { change } from '../replica/changes.ts'
import { type Rig, withBrokers } from '../replica/rig.ts'

const test = suite('Metadata')

const ask = async (
  rig: Rig,
  version: number,
  topics: { name?: string | null; topicId?: string }[] | null,
  more: Partial<Request<typeof Metadata>> = {},
  listenerName = 'PLAINTEXT',
) =>
  (await rig.ask(
    1,
    metadata,
    Metadata,
    version,
    {
      topics: topics?.map(({ name = null, topicId = ZERO_UUID }) => ({ name, topicId })) ?? null,
      allowAutoTopicCreation: false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
      ...more,
    },
    { listenerName },
  ))!

test('every version tells brokers, leaders and replicas', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[2, 1]] })
    for (let version = 0; version <= 13; version++) {
      const answer = await ask(rig, version, version === 0 ? [] : null)
      assert.equal(
        answer.brokers.map(({ nodeId, host, port }) => [nodeId, host, port]),
        [
          [1, 'host-1', 9001],
          [2, 'host-2', 9002],
        ],
      )
      const [topic] = answer.topics
      assert.is(topic!.name, 'orders')
      assert.is(topic!.topicId, version >= 10 ? topicId : ZERO_UUID)
      assert.is(topic!.partitions[0]!.leaderId, 2)
      assert.equal(topic!.partitions[0]!.replicaNodes, [2, 1])
      if (version >= 1) assert.ok([1, 2].includes(answer.controllerId))
    }
  })
})

test('fenced brokers are not told of; what they led has no leader', async () => {
  await withBrokers([1, 2], async (rig) => {
    const topicId = rig.createTopic('orders', { replicas: [[2, 1]] })
    rig.node(2).kill()
    rig.fence(2, 1)
    const [before] = (await ask(rig, 9, [{ name: 'orders' }])).topics
    assert.is(errorName(before!.partitions[0]!.errorCode), 'LEADER_NOT_AVAILABLE')
    rig.apply(change(topicId, 0, { isr: [1], leader: 1 }))
    const answer = await ask(rig, 9, [{ name: 'orders' }])
    assert.equal(
      answer.brokers.map(({ nodeId }) => nodeId),
      [1],
    )
    const [partition] = answer.topics[0]!.partitions
    assert.is(partition!.leaderId, 1)
    assert.equal(partition!.offlineReplicas, [2])
  })
})

test('a listener that no broker has leaves nothing to reach', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('orders')
    const at = async (version: number) => {
      const answer = await ask(rig, version, [{ name: 'orders' }], {}, 'OTHER')
      assert.equal(answer.brokers, [])
      return errorName(answer.topics[0]!.partitions[0]!.errorCode)
    }
    assert.is(await at(9), 'LISTENER_NOT_FOUND')
    assert.is(await at(5), 'LEADER_NOT_AVAILABLE')
  })
})

test('topics by id, and names that cannot be', async () => {
  await withBrokers([1], async (rig) => {
    const topicId = rig.createTopic('orders')
    const error = async (version: number, topic: { name?: string; topicId?: string }) =>
      errorName((await ask(rig, version, [topic])).topics[0]!.errorCode)
    assert.is((await ask(rig, 12, [{ topicId }])).topics[0]!.name, 'orders')
    assert.is(await error(12, { topicId: 'Zm9yZWlnbi10b3BpYy1pZA' }), 'UNKNOWN_TOPIC_ID')
    assert.is(await error(9, { name: 'nowhere' }), 'UNKNOWN_TOPIC_OR_PARTITION')
    assert.is(await error(9, { name: 'no/name' }), 'INVALID_TOPIC_EXCEPTION')
    assert.is(await error(10, { topicId, name: 'orders' }), 'INVALID_REQUEST')
  })
})

test('a missing topic is made once, in the name of the client', async () => {
  await withBrokers([1], async (rig) => {
    const made: string[] = []
    rig.onEnvelope = ({ requestData, clientHostAddress, requestPrincipal }) => {
      const header = peekRequestHeader(requestData)
      const { topics } = decodeRequest(CreateTopics, header, requestData)
      made.push(...topics.map(({ name }) => name))
      assert.equal([...clientHostAddress], [127, 0, 0, 1])
      assert.match(requestPrincipal!.toString('latin1'), 'ANONYMOUS')
      const answer = { throttleTimeMs: 0, topics: [] }
      const { apiVersion, correlationId } = header
      return Buffer.concat(encodeResponse(CreateTopics, apiVersion, correlationId, answer))
    }
    const auto = { allowAutoTopicCreation: true }
    for (let i = 0; i < 2; i++) {
      const [topic] = (await ask(rig, 9, [{ name: 'new' }, { name: 'a/b' }], auto)).topics
      assert.is(errorName(topic!.errorCode), 'UNKNOWN_TOPIC_OR_PARTITION')
    }
    await ask(rig, 9, [{ name: 'other' }])
    await rig.clock.advance(50)
    assert.equal(made, ['new'])
  })
})

test('DescribeTopicPartitions goes page by page, in the order of names', async () => {
  await withBrokers([1], async (rig) => {
    rig.createTopic('b', { replicas: [[1], [1], [1]] })
    rig.createTopic('a', { replicas: [[1], [1]] })
    const page = async (cursor: { topicName: string; partitionIndex: number } | null) =>
      (await rig.ask(1, describeTopicPartitions, DescribeTopicPartitions, 0, {
        topics: [],
        responsePartitionLimit: 3,
        cursor,
      }))!
    const first = await page(null)
    const told = ({ topics }: typeof first) =>
      topics.map(({ name, partitions }) => [name, ...partitions.map((p) => p.partitionIndex)])
    assert.equal(told(first), [
      ['a', 0, 1],
      ['b', 0],
    ])
    assert.equal(first.nextCursor, { topicName: 'b', partitionIndex: 1 })
    const second = await page(first.nextCursor)
    assert.equal(told(second), [['b', 1, 2]])
    assert.is(second.nextCursor, null)
  })
})

test.run()
