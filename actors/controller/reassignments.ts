/**
 * Replicas moved from broker to broker, and leaders elected by request (KIP-455, KIP-460).
 *
 * A reassignment adds the new replicas to the old ones and ends, in `partitionChange`, when the ISR
 * holds them; it never adds to the ISR itself (P19).
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { ElectLeaders } from '../../transport/schemas/43-elect-leaders.ts'
import type { AlterPartitionReassignments } from '../../transport/schemas/45-alter-partition-reassignments.ts'
import type { ListPartitionReassignments } from '../../transport/schemas/46-list-partition-reassignments.ts'
import type { PartitionRef } from '../metadata/create-image.ts'
import type { PartitionState } from '../metadata/image.ts'
import { type Cluster, changeRules, type Decision, errorOf, noError, ownRules } from './cluster.ts'
import { partitionChange } from './partition-change.ts'
import { checkAssignment } from './topics.ts'

type Asked = Request<typeof AlterPartitionReassignments>
type Reassigned = Response<typeof AlterPartitionReassignments>['responses']
type Ongoing = Response<typeof ListPartitionReassignments>['topics']
type Elections = Request<typeof ElectLeaders>
type Elected = Response<typeof ElectLeaders>['replicaElectionResults']

const isMoving = (partition: PartitionState): boolean =>
  partition.addingReplicas.length + partition.removingReplicas.length > 0

function partitionOf({ image }: Cluster, topicName: string, index: number): PartitionRef {
  const topic =
    image.topicByName(topicName) ??
    refuse('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${topicName}'`)
  const partition =
    topic.partition(index) ??
    refuse('UNKNOWN_TOPIC_OR_PARTITION', `topic '${topicName}' has no partition ${index}`)
  return { topicId: topic.id, topicName, partition }
}

export function alterReassignments(
  cluster: Cluster,
  { topics, allowReplicationFactorChange }: Asked,
): Decision<Reassigned> {
  const records: MetadataRecord[] = []
  const answer = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => {
      const result = attempt(() => {
        const of = partitionOf(cluster, name, partitionIndex)
        const record =
          replicas === null
            ? cancelled(cluster, of)
            : moved(cluster, of, replicas, allowReplicationFactorChange)
        if (record !== undefined) records.push(record)
      })
      return { partitionIndex, ...result }
    }),
  }))
  return { records, answer }
}

function attempt(work: () => void): { errorCode: number; errorMessage: string | null } {
  try {
    work()
    return noError
  } catch (error) {
    if (error instanceof KafkaError) return errorOf(error.code, error.message)
    throw error
  }
}

/** @throws KafkaError INVALID_REPLICA_ASSIGNMENT, INVALID_REPLICATION_FACTOR */
function moved(
  cluster: Cluster,
  { topicId, topicName, partition }: PartitionRef,
  target: readonly number[],
  allowReplicationFactorChange: boolean,
): MetadataRecord | undefined {
  checkAssignment(cluster, target)
  const size = partition.replicas.length - partition.addingReplicas.length
  if (!allowReplicationFactorChange && target.length !== size) {
    refuse('INVALID_REPLICATION_FACTOR', `${target.length} replicas instead of ${size}`)
  }
  const removing = partition.replicas.filter((id) => !target.includes(id))
  const adding = target.filter((id) => !partition.replicas.includes(id))
  return partitionChange(
    topicId,
    partition,
    {
      // Who was being added and still is the target stays marked as such.
      replicas: [...target, ...removing],
      removingReplicas: removing,
      addingReplicas: [...partition.addingReplicas.filter((id) => target.includes(id)), ...adding],
    },
    ownRules(cluster, topicName),
  )
}

/** @throws KafkaError NO_REASSIGNMENT_IN_PROGRESS, INVALID_REPLICA_ASSIGNMENT */
function cancelled(
  cluster: Cluster,
  { topicId, topicName, partition }: PartitionRef,
): MetadataRecord | undefined {
  if (!isMoving(partition)) {
    refuse('NO_REASSIGNMENT_IN_PROGRESS', `nothing of ${topicName}-${partition.partition} is moved`)
  }
  const stays = (id: number) => !partition.addingReplicas.includes(id)
  const isr = partition.isr.filter(stays)
  const replicas = partition.replicas.filter(stays)
  const rules = ownRules(cluster, topicName)
  const mayLead = (id: number) =>
    rules.mayLead(id) && rules.isOnline(id, partition.directories[partition.replicas.indexOf(id)]!)
  if (isr.length === 0 && (rules.election !== 'unclean' || !replicas.some(mayLead))) {
    refuse(
      'INVALID_REPLICA_ASSIGNMENT',
      'no old replica is in sync; going back would need an unclean election',
    )
  }
  return partitionChange(
    topicId,
    partition,
    { isr, replicas, removingReplicas: [], addingReplicas: [] },
    rules,
  )
}

export function listReassignments(
  cluster: Cluster,
  { topics }: Request<typeof ListPartitionReassignments>,
): Decision<Ongoing> {
  const wanted = (name: string, index: number): boolean =>
    topics === null ||
    topics.some((topic) => topic.name === name && topic.partitionIndexes.includes(index))
  const byTopic = new Map<string, Ongoing[number]>()
  for (const { topicName: name, partition } of cluster.image.partitionsInReassignment()) {
    if (!wanted(name, partition.partition)) continue
    const entry = byTopic.get(name) ?? { name, partitions: [] }
    byTopic.set(name, entry)
    entry.partitions.push({
      partitionIndex: partition.partition,
      replicas: partition.replicas,
      addingReplicas: partition.addingReplicas,
      removingReplicas: partition.removingReplicas,
    })
  }
  return { records: [], answer: [...byTopic.values()] }
}

const uncleanElection = 1

/** @throws KafkaError INVALID_REQUEST for an unknown kind of election */
export function electLeaders(cluster: Cluster, request: Elections): Decision<Elected> {
  const { electionType, topicPartitions } = request
  if (electionType !== 0 && electionType !== uncleanElection) {
    refuse('INVALID_REQUEST', `election type ${electionType} is unknown`)
  }
  const records: MetadataRecord[] = []
  const elect = (of: PartitionRef): ErrorName => {
    const { topicId, topicName, partition } = of
    const unneeded =
      electionType === uncleanElection
        ? partition.leader !== -1
        : partition.leader === partition.replicas[0]
    if (unneeded) return 'ELECTION_NOT_NEEDED'
    const election = electionType === uncleanElection ? 'unclean' : 'preferred'
    const rules = changeRules(cluster, topicName, election)
    const record = partitionChange(topicId, partition, {}, rules)
    if (record === undefined) {
      return election === 'unclean'
        ? 'ELIGIBLE_LEADERS_NOT_AVAILABLE'
        : 'PREFERRED_LEADER_NOT_AVAILABLE'
    }
    records.push(record)
    return 'NONE'
  }
  const answer =
    topicPartitions === null
      ? electAll(cluster, elect)
      : topicPartitions.map(({ topic, partitions }) => ({
          topic,
          partitionResult: partitions.map((partitionId) => {
            let error: ErrorName = 'NONE'
            const refused = attempt(() => {
              error = elect(partitionOf(cluster, topic, partitionId))
            })
            if (error === 'NONE') return { partitionId, ...refused }
            return { partitionId, ...errorOf(error, explain[error] ?? null) }
          }),
        }))
  return { records, answer }
}

const explain: Partial<Record<ErrorName, string>> = {
  ELECTION_NOT_NEEDED: 'the partition has the leader that the election would bring',
  PREFERRED_LEADER_NOT_AVAILABLE: 'the preferred leader is not in sync, or not available',
  ELIGIBLE_LEADERS_NOT_AVAILABLE: 'no replica is available',
}

/** Of all partitions only those are told that an election was tried for. */
function electAll(cluster: Cluster, elect: (of: PartitionRef) => ErrorName): Elected {
  const results: Elected = []
  for (const topic of cluster.image.topics()) {
    const partitionResult: Elected[number]['partitionResult'] = []
    for (let partitionId = 0; partitionId < topic.partitionCount(); partitionId++) {
      const partition = topic.partition(partitionId)
      if (partition === undefined) continue
      const error = elect({ topicId: topic.id, topicName: topic.name, partition })
      if (error === 'ELECTION_NOT_NEEDED') continue
      partitionResult.push({
        partitionId,
        errorCode: errorCodes[error],
        errorMessage: explain[error] ?? null,
      })
    }
    if (partitionResult.length > 0) results.push({ topic: topic.name, partitionResult })
  }
  return results
}
