/**
 * Metadata records about topics, their partitions and configurations (KIP-631).
 */
import { record } from '../../protocol/record.ts'
import { array, int8, int32, nullable, since, string, tagged, uuid } from '../../protocol/schema.ts'

/** A topic exists. */
export const TopicRecord = record(
  { name: 'TopicRecord', key: 2, versions: [0, 0], flexible: 0 },
  { name: string, topicId: uuid },
)

/** A partition with its replicas, its ISR and its leader, in full. */
export const PartitionRecord = record(
  { name: 'PartitionRecord', key: 3, versions: [0, 2], flexible: 0 },
  {
    partitionId: int32,
    topicId: uuid,
    replicas: array(int32),
    isr: array(int32),
    removingReplicas: array(int32),
    addingReplicas: array(int32),
    leader: int32,
    leaderRecoveryState: tagged(0, int8),
    leaderEpoch: int32,
    partitionEpoch: int32,
    directories: since(1, array(uuid)),
    eligibleLeaderReplicas: since(2, tagged(1, nullable(array(int32))), null),
    lastKnownElr: since(2, tagged(2, nullable(array(int32))), null),
  },
)

/**
 * What changes of a partition; a leader, even the same, raises the leader epoch. Absent: as it
 * was.
 */
export const PartitionChangeRecord = record(
  { name: 'PartitionChangeRecord', key: 5, versions: [0, 2], flexible: 0 },
  {
    partitionId: int32,
    topicId: uuid,
    isr: tagged(0, nullable(array(int32)), null),
    leader: tagged(1, int32, -2),
    replicas: tagged(2, nullable(array(int32)), null),
    removingReplicas: tagged(3, nullable(array(int32)), null),
    addingReplicas: tagged(4, nullable(array(int32)), null),
    leaderRecoveryState: tagged(5, int8, -1),
    directories: since(1, tagged(8, nullable(array(uuid))), null),
    eligibleLeaderReplicas: since(2, tagged(6, nullable(array(int32))), null),
    lastKnownElr: since(2, tagged(7, nullable(array(int32))), null),
  },
)

/** A topic and all its partitions are gone. */
export const RemoveTopicRecord = record(
  { name: 'RemoveTopicRecord', key: 9, versions: [0, 0], flexible: 0 },
  { topicId: uuid },
)

/** Eligible leader replicas of a topic, or of all with an empty name, are forgotten. */
export const ClearElrRecord = record(
  { name: 'ClearElrRecord', key: 28, versions: [0, 0], flexible: 0 },
  { topicName: string },
)

/** One configuration of one resource; a null value removes it. */
export const ConfigRecord = record(
  { name: 'ConfigRecord', key: 4, versions: [0, 0], flexible: 0 },
  {
    resourceType: int8,
    resourceName: string,
    name: string,
    value: nullable(string),
  },
)
