/**
 * Topics created, deleted and enlarged (KIP-631). Each topic of a request succeeds or fails by itself;
 * what succeeds is one atomic batch.
 */

import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import type { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import type { CreatePartitions } from '../../transport/schemas/37-create-partitions.ts'
import { describeTopicConfigs } from '../config/describe.ts'
import { validateTopicConfigs } from '../config/topic-config.ts'
import type { TopicView } from '../metadata/image.ts'
import { partitionRecord } from '../metadata/snapshot.ts'
import {
  type Cluster,
  type Decision,
  directoryOf,
  errorOf,
  mayLead,
  noError,
  recordsMax,
} from './cluster.ts'
import { recovered } from './partition-change.ts'
import { placeReplicas } from './placement.ts'

type CreatableTopic = Request<typeof CreateTopics>['topics'][number]
export type CreatedTopic = Response<typeof CreateTopics>['topics'][number]
type DeletedTopic = Response<typeof DeleteTopics>['responses'][number]
type EnlargedTopic = Response<typeof CreatePartitions>['results'][number]

const metadataTopic = '__cluster_metadata'
const topicNameMax = 249

/** A refusal becomes the answer's error; anything else harms the whole request. */
function attempt<T>(work: () => T, refused: (error: ErrorName, message: string) => T): T {
  try {
    return work()
  } catch (error) {
    if (error instanceof KafkaError) return refused(error.code, error.message)
    throw error
  }
}

export const failedTopic = (name: string, error: ErrorName, why: string | null): CreatedTopic => ({
  name,
  topicId: ZERO_UUID,
  ...errorOf(error, why),
  topicConfigErrorCode: errorCodes.NONE,
  numPartitions: -1,
  replicationFactor: -1,
  configs: [],
})

/** @throws KafkaError POLICY_VIOLATION for too many partitions in one request */
export function createTopics(
  cluster: Cluster,
  { topics, validateOnly }: Request<typeof CreateTopics>,
): Decision<CreatedTopic[]> {
  const partitions = topics.reduce((sum, topic) => sum + asked(cluster, topic), 0)
  if (partitions > recordsMax) {
    refuse('POLICY_VIOLATION', `${partitions} partitions in one request; at most ${recordsMax}`)
  }
  const records: MetadataRecord[] = []
  const { distinct, repeated } = byName(topics)
  const answer = distinct.map((topic) =>
    attempt(
      () => {
        if (repeated.has(topic.name)) {
          refuse('INVALID_REQUEST', `topic ${topic.name} is named twice`)
        }
        const created = createTopic(cluster, topic)
        if (!validateOnly) records.push(...created.records)
        return created.answer
      },
      (error, message) => failedTopic(topic.name, error, message),
    ),
  )
  return { records, answer }
}

/** One answer a name, however often a request names it. */
function byName<T extends { name: string }>(topics: readonly T[]) {
  const distinct = new Map<string, T>()
  const repeated = new Set<string>()
  for (const topic of topics) {
    if (distinct.has(topic.name)) repeated.add(topic.name)
    else distinct.set(topic.name, topic)
  }
  return { distinct: [...distinct.values()], repeated }
}

/** How many partitions a topic asks for, taken at face value. */
function asked({ config }: Cluster, { numPartitions, assignments }: CreatableTopic): number {
  if (assignments.length > 0) return assignments.length
  return numPartitions === -1 ? config.int('num.partitions') : Math.max(0, numPartitions)
}

function createTopic(cluster: Cluster, topic: CreatableTopic): Decision<CreatedTopic> {
  const { name } = topic
  checkNewName(cluster, name)
  const overrides = new Map(
    topic.configs.map((config) => [
      config.name,
      config.value ?? refuse('INVALID_CONFIG', `${config.name} has no value`),
    ]),
  )
  validateTopicConfigs(cluster.config, overrides)
  const replicaLists =
    topic.assignments.length > 0 ? byHand(cluster, topic) : placed(cluster, topic)
  const topicId = cluster.random.uuid()
  const replicationFactor = replicaLists[0]!.length
  const configs = describeTopicConfigs(cluster.config, overrides)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, value, readOnly, configSource, isSensitive }) => ({
      name,
      value: isSensitive ? null : value,
      readOnly,
      configSource,
      isSensitive,
    }))
  return {
    records: [
      { type: 'TopicRecord', name, topicId },
      ...Array.from(
        overrides,
        ([key, value]): MetadataRecord => ({
          type: 'ConfigRecord',
          resourceType: 2,
          resourceName: name,
          name: key,
          value,
        }),
      ),
      ...replicaLists.map((replicas, index) => newPartition(cluster, topicId, index, replicas)),
    ],
    answer: {
      name,
      topicId,
      ...noError,
      topicConfigErrorCode: errorCodes.NONE,
      numPartitions: replicaLists.length,
      replicationFactor,
      configs,
    },
  }
}

function checkNewName({ image }: Cluster, name: string): void {
  const invalid = (why: string): never => refuse('INVALID_TOPIC_EXCEPTION', `topic name ${why}`)
  if (name === '') invalid('is empty')
  if (name === '.' || name === '..') invalid(`'${name}' is reserved`)
  if (name.length > topicNameMax) invalid(`is longer than ${topicNameMax} characters`)
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    invalid(`'${name}' holds other characters than letters, digits, '.', '_' and '-'`)
  }
  if (name === metadataTopic)
    refuse('INVALID_REQUEST', `${metadataTopic} is not created by request`)
  if (image.topicByName(name) !== undefined) {
    refuse('TOPIC_ALREADY_EXISTS', `topic '${name}' exists`)
  }
  const [alike] = image.topicsLike(name)
  if (alike !== undefined) invalid(`'${name}' collides with '${alike}': metrics show '.' as '_'`)
}

/** @throws KafkaError INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR */
function placed(cluster: Cluster, topic: CreatableTopic): number[][] {
  const { config } = cluster
  if (topic.replicationFactor < -1 || topic.replicationFactor === 0) {
    refuse('INVALID_REPLICATION_FACTOR', 'the replication factor is above 0, or -1 for the default')
  }
  if (topic.numPartitions < -1 || topic.numPartitions === 0) {
    refuse('INVALID_PARTITIONS', 'the number of partitions is above 0, or -1 for the default')
  }
  const partitions = topic.numPartitions === -1 ? config.int('num.partitions') : topic.numPartitions
  const replicationFactor =
    topic.replicationFactor === -1
      ? config.int('default.replication.factor')
      : topic.replicationFactor
  return place(cluster, partitions, replicationFactor)
}

function place(cluster: Cluster, partitions: number, replicationFactor: number): number[][] {
  const usable = [...cluster.image.brokers().values()].filter(
    (broker) => !broker.inControlledShutdown,
  )
  return placeReplicas(usable, partitions, replicationFactor, cluster.random)
}

/** @throws KafkaError INVALID_REQUEST, INVALID_REPLICA_ASSIGNMENT */
function byHand(cluster: Cluster, topic: CreatableTopic): number[][] {
  if (topic.replicationFactor !== -1 || topic.numPartitions !== -1) {
    refuse('INVALID_REQUEST', 'with replicas assigned by hand, both counts are -1')
  }
  const lists: number[][] = []
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    const wrong = (why: string): never => refuse('INVALID_REPLICA_ASSIGNMENT', why)
    if (lists[partitionIndex] !== undefined) wrong(`partition ${partitionIndex} is assigned twice`)
    if (partitionIndex < 0 || partitionIndex >= topic.assignments.length) {
      wrong('partitions are numbered from 0 without gaps')
    }
    checkAssignment(cluster, brokerIds, topic.assignments[0]!.brokerIds.length)
    checkSomeoneLeads(cluster, brokerIds, partitionIndex)
    lists[partitionIndex] = brokerIds
  }
  return lists
}

/**
 * @param size how many replicas the other partitions have
 * @throws KafkaError INVALID_REPLICA_ASSIGNMENT
 */
export function checkAssignment({ image }: Cluster, brokerIds: readonly number[], size?: number) {
  const wrong = (why: string): never => refuse('INVALID_REPLICA_ASSIGNMENT', why)
  if (brokerIds.length === 0) wrong('a partition without replicas')
  if (new Set(brokerIds).size < brokerIds.length) wrong(`[${brokerIds}] names a broker twice`)
  for (const id of brokerIds) {
    if (!image.brokers().has(id)) wrong(`broker ${id} is not registered`)
  }
  if (size !== undefined && brokerIds.length !== size) {
    wrong(`${brokerIds.length} replicas, where other partitions have ${size}`)
  }
}

function checkSomeoneLeads({ image }: Cluster, brokerIds: readonly number[], partition: number) {
  if (brokerIds.some((id) => mayLead(image.brokers().get(id)))) return
  refuse(
    'INVALID_REPLICA_ASSIGNMENT',
    `all brokers of partition ${partition} are fenced or stopping`,
  )
}

function newPartition(
  cluster: Cluster,
  topicId: string,
  partition: number,
  replicas: number[],
): MetadataRecord {
  const isr = replicas.filter((id) => mayLead(cluster.image.brokers().get(id)))
  return partitionRecord(topicId, {
    partition,
    replicas,
    directories: replicas.map((id) => directoryOf(cluster, id, partition)),
    isr,
    removingReplicas: [],
    addingReplicas: [],
    leader: isr[0]!,
    leaderEpoch: 0,
    partitionEpoch: 0,
    leaderRecoveryState: recovered,
    elr: [],
    lastKnownElr: [],
  })
}

/** A topic by name or by id, as a request has it. */
export type TopicToDelete = { name: string | null; topicId: string }

export function deleteTopics(
  { image }: Cluster,
  topics: readonly TopicToDelete[],
): Decision<DeletedTopic[]> {
  const records: MetadataRecord[] = []
  const times = new Map<string, number>()
  for (const asked of topics) {
    const key = asked.name ?? asked.topicId
    times.set(key, (times.get(key) ?? 0) + 1)
  }
  const named = new Set(topics.flatMap(({ name }) => image.topicByName(name ?? '')?.id ?? []))
  const answer = topics.flatMap(({ name, topicId }): DeletedTopic[] => {
    const refused = (error: ErrorName, why: string) => [{ name, topicId, ...errorOf(error, why) }]
    if (name !== null && topicId !== ZERO_UUID) {
      return refused('INVALID_REQUEST', 'a topic is named by name or by id, not by both')
    }
    if (name === null && topicId === ZERO_UUID) {
      return refused('INVALID_REQUEST', 'neither a name nor an id')
    }
    const count = times.get(name ?? topicId)!
    if (count > 1) {
      times.set(name ?? topicId, 0)
      return refused('INVALID_REQUEST', 'the topic is named twice')
    }
    if (count === 0) return []
    const topic = name === null ? image.topicById(topicId) : image.topicByName(name)
    if (topic === undefined) {
      return name === null
        ? refused('UNKNOWN_TOPIC_ID', `there is no topic of id ${topicId}`)
        : refused('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${name}'`)
    }
    const byBoth = topics.some((other) => other.name === null && other.topicId === topic.id)
    if (byBoth && named.has(topic.id)) {
      if (name === null) return []
      const why = 'the topic is named by name and by id'
      return [{ name, topicId: topic.id, ...errorOf('INVALID_REQUEST', why) }]
    }
    records.push({ type: 'RemoveTopicRecord', topicId: topic.id })
    return [{ name: topic.name, topicId: topic.id, ...noError }]
  })
  return { records, answer }
}

export function createPartitions(
  cluster: Cluster,
  { topics, validateOnly }: Request<typeof CreatePartitions>,
): Decision<EnlargedTopic[]> {
  const records: MetadataRecord[] = []
  const { distinct, repeated } = byName(topics)
  const answer = distinct.map((enlarged): EnlargedTopic => {
    const { name } = enlarged
    return attempt(
      () => {
        if (repeated.has(name)) {
          refuse('INVALID_REQUEST', `topic ${name} is named twice`)
        }
        const topic =
          cluster.image.topicByName(name) ??
          refuse('UNKNOWN_TOPIC_OR_PARTITION', `there is no topic '${name}'`)
        const added = addedPartitions(cluster, topic, enlarged)
        if (!validateOnly) records.push(...added)
        return { name, ...noError }
      },
      (error, message) => ({ name, ...errorOf(error, message) }),
    )
  })
  return { records, answer }
}

function addedPartitions(
  cluster: Cluster,
  topic: TopicView,
  { count, assignments }: Request<typeof CreatePartitions>['topics'][number],
): MetadataRecord[] {
  const present = topic.partitionCount()
  const added = count - present
  if (added <= 0) {
    refuse('INVALID_PARTITIONS', `topic '${topic.name}' has ${present} partitions; ask for more`)
  }
  if (added > recordsMax) {
    refuse('INVALID_PARTITIONS', `${added} partitions at once; at most ${recordsMax}`)
  }
  const replicationFactor = topic.partition(0)!.replicas.length
  if (assignments !== null && assignments.length !== added) {
    refuse(
      'INVALID_REPLICA_ASSIGNMENT',
      `${assignments.length} assignments for ${added} partitions more`,
    )
  }
  const lists =
    assignments?.map(({ brokerIds }, i) => {
      checkAssignment(cluster, brokerIds, replicationFactor)
      checkSomeoneLeads(cluster, brokerIds, present + i)
      return brokerIds
    }) ?? place(cluster, added, replicationFactor)
  return lists.map((replicas, i) => newPartition(cluster, topic.id, present + i, replicas))
}
