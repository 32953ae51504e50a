/** What histories of replication do with one topic, `orders`, and what they look at. */
import { fetch } from '../../actors/apis/01-fetch.ts'
import { deleteRecords } from '../../actors/apis/21-delete-records.ts'
import { errorName } from '../../transport/protocol/errors.ts'
import { LONG_MAX, ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { DeleteRecords } from '../../transport/schemas/21-delete-records.ts'
import { produceTo } from './clients.ts'
import { batchOf, type Rig } from './rig.ts'

export const directoriesOf = (replicas: number[]) => replicas.map(() => ZERO_UUID)

export const of = { topic: 'orders', partition: 0 }
export const logAt = (rig: Rig, id: number) => rig.node(id).store.get(of)!
export const rowAt = (rig: Rig, id: number) => rig.node(id).broker.host.replicas.findByName(of)!
export const endsAt = (rig: Rig, ids: number[]) => ids.map((id) => logAt(rig, id).endOffset())
export const bytesAt = (rig: Rig, id: number, from = 0) => {
  const log = logAt(rig, id)
  return log.read(Math.max(from, log.startOffset()), 1_000_000, log.endOffset(), true)
}

/** acks=all, answered within `ms`. */
export async function produced(rig: Rig, leader: number, records: Buffer, ms = 100) {
  const producing = produceTo(rig, leader, 'orders', records)
  await rig.clock.advance(ms)
  const { errorCode, baseOffset } = (await producing)!.responses[0]!.partitionResponses[0]!
  return { error: errorName(errorCode), baseOffset }
}

export async function soFar<T>(promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, new Promise<undefined>((done) => setImmediate(done, undefined))])
}

export const idempotent = (sequence: number, producerEpoch = 0) =>
  batchOf([`m${sequence}`], { producerId: 4000, producerEpoch, baseSequence: sequence })

/** A Fetch as replica `from` at its broker epoch. */
export const fetchAs = (
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

export async function deleteBefore(rig: Rig, leader: number, offset: number) {
  const answer = await rig.ask(leader, deleteRecords, DeleteRecords, 2, {
    topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset }] }],
    timeoutMs: 5_000,
  })
  const { errorCode, lowWatermark } = answer!.topics[0]!.partitions[0]!
  return { error: errorName(errorCode), lowWatermark }
}
