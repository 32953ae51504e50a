/** Produce, replicate, high watermark, answer, fetch: three brokers over the memory link. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { produce } from '../../actors/apis/00-produce.ts'
import { fetch } from '../../actors/apis/01-fetch.ts'
import { LONG_MAX, ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { batchOf, type Rig, withBrokers } from './rig.ts'

const test = suite('replication')

export const produceTo = (
  rig: Rig,
  node: number,
  name: string,
  records: Buffer,
  { acks = -1, timeoutMs = 30_000, index = 0 } = {},
) =>
  rig.ask(node, produce, Produce, 9, {
    transactionalId: null,
    acks,
    timeoutMs,
    topicData: [{ name, topicId: ZERO_UUID, partitionData: [{ index, records }] }],
  })

export const fetchFrom = (
  rig: Rig,
  node: number,
  topic: string,
  fetchOffset: number,
  { maxWaitMs = 0, minBytes = 1, currentLeaderEpoch = -1, version = 12, partition = 0 } = {},
) =>
  rig.ask(node, fetch, Fetch, version, {
    clusterId: null,
    replicaId: -1,
    replicaState: { replicaId: -1, replicaEpoch: -1 },
    maxWaitMs,
    minBytes,
    maxBytes: 10_000_000,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic,
        topicId: ZERO_UUID,
        partitions: [
          {
            partition,
            currentLeaderEpoch,
            fetchOffset,
            lastFetchedEpoch: -1,
            logStartOffset: -1,
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

test('acks=all answers once all in-sync replicas hold the batch', async () => {
  await withBrokers([1, 2, 3], async (rig) => {
    rig.createTopic('orders')
    await rig.clock.advance(50)
    const producing = produceTo(rig, 1, 'orders', batchOf(['a', 'b']))
    await rig.clock.advance(20)
    const answer = await producing
    assert.is(answer!.responses[0]!.partitionResponses[0]!.errorCode, 0)
    assert.is(answer!.responses[0]!.partitionResponses[0]!.baseOffset, 0)
    for (const id of [2, 3]) {
      assert.is(rig.node(id).store.get({ topic: 'orders', partition: 0 })!.endOffset(), 2)
    }
    const fetched = await fetchFrom(rig, 1, 'orders', 0)
    const partition = fetched!.responses[0]!.partitions[0]!
    assert.is(partition.highWatermark, 2)
    assert.ok(partition.records!.length > 0)
    await rig.clock.advance(600)
    assert.is((await fetchFrom(rig, 2, 'orders', 0))!.responses[0]!.partitions[0]!.highWatermark, 2)
  })
})

test.run()
