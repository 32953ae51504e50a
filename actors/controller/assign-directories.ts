/**
 * A broker tells where its replicas lie (KIP-858). Who lies in a directory that is not registered holds
 * nothing that counts: it leaves the ISR, if others are in it, and leads no more (S2).
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { AssignReplicasToDirs } from '../../transport/schemas/73-assign-replicas-to-dirs.ts'
import { type Cluster, checkBrokerEpoch, type Decision, isOnline, ownRules } from './cluster.ts'
import { partitionChange } from './partition-change.ts'

type Asked = Request<typeof AssignReplicasToDirs>
type Answer = Response<typeof AssignReplicasToDirs>['directories']

/** @throws KafkaError STALE_BROKER_EPOCH */
export function assignToDirectories(
  cluster: Cluster,
  { brokerId, brokerEpoch, directories }: Asked,
): Decision<Answer> {
  checkBrokerEpoch(cluster, brokerId, brokerEpoch)
  const records: MetadataRecord[] = []

  function assign(topicId: string, index: number, directoryId: string): ErrorName {
    const topic = cluster.image.topicById(topicId)
    if (topic === undefined) return 'UNKNOWN_TOPIC_ID'
    const before = topic.partition(index)
    if (before === undefined) return 'UNKNOWN_TOPIC_OR_PARTITION'
    const { replicas, directories: places, isr } = before
    if (!replicas.includes(brokerId)) return 'NOT_LEADER_OR_FOLLOWER'
    const isThere = isOnline(cluster, brokerId, directoryId)
    const target = {
      directories: places.map((place, at) => (replicas[at] === brokerId ? directoryId : place)),
      isr: isThere ? isr : isr.filter((id) => id !== brokerId),
    }
    const record = partitionChange(topicId, before, target, ownRules(cluster, topic.name))
    if (record !== undefined) records.push(record)
    return 'NONE'
  }

  const answer = directories.map(({ id, topics }) => ({
    id,
    topics: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: errorCodes[assign(topicId, partitionIndex, id)],
      })),
    })),
  }))
  return { records, answer }
}
