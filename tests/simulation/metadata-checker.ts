/**
 * What the committed metadata say, replayed by the checker itself, record by record: M5, M8, P9, P10, P11,
 * P12, P18; and how each node is told of them: R8, R15, R17.
 */
import type { CommittedBatch } from '../../actors/quorum/types.ts'
import type { NodeParts } from '../../runtime/node.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { must } from './violation.ts'

export type KnownPartition = {
  topicId: string
  topic: string
  partition: number
  replicas: readonly number[]
  isr: readonly number[]
  leader: number
  leaderEpoch: number
  partitionEpoch: number
  /** How many were in the ISR, by partition epoch; grows. */
  isrSizes: number[]
}

export type KnownBroker = {
  id: number
  epoch: number
  incarnationId: string
  isFenced: boolean
  isStopping: boolean
}

type RecordOf<T extends MetadataRecord['type']> = Extract<MetadataRecord, { type: T }>

export type MetadataEvents = {
  /** A committed change of ISR or leader. */
  changed(now: KnownPartition, before: KnownPartition | undefined): void
  /** Each batch once, in the order of the log. */
  committed(batch: CommittedBatch): void
  /** A broker was fenced though nobody asked for it, by the record at this offset. */
  fenced(broker: KnownBroker, offset: number): void
}

export type MetadataChecker = {
  starting(node: SimNode, parts: NodeParts): void
  partition(topicId: string, index: number): KnownPartition | undefined
  partitions(): Iterable<KnownPartition>
  broker(id: number): KnownBroker | undefined
  /** Who led a partition in that leader epoch; undefined: nobody. */
  leaderOf(topicId: string, index: number, leaderEpoch: number): number | undefined
  /** Leader changes seen so far. */
  leaderChanges(): number
}

const keyOf = (topicId: string, partition: number) => `${topicId}/${partition}`

export function checkMetadata(
  cluster: SimCluster,
  events: MetadataEvents,
  guarded: (check: () => void) => void,
): MetadataChecker {
  const topics = new Map<string, string>()
  const partitions = new Map<string, KnownPartition>()
  const brokers = new Map<number, KnownBroker>()
  /** Topic, partition and leader epoch → who leads. */
  const leaders = new Map<string, number>()
  /** Their configuration allows unclean elections. */
  const uncleanTopics = new Set<string>()
  let next = 0
  let leaderChanges = 0

  function apply(record: MetadataRecord, offset: number): void {
    const { type } = record
    if (type === 'RegisterBrokerRecord') register(record, offset)
    else if (type === 'UnregisterBrokerRecord') brokers.delete(record.brokerId)
    else if (type === 'BrokerRegistrationChangeRecord') registrationChanges(record, offset)
    else if (type === 'ConfigRecord') configured(record)
    else if (type === 'TopicRecord') topics.set(record.topicId, record.name)
    else if (type === 'RemoveTopicRecord') removeTopic(record)
    else if (type === 'PartitionRecord') created(record)
    else if (type === 'PartitionChangeRecord') changes(record)
  }

  function configured({ resourceName, name, value }: RecordOf<'ConfigRecord'>): void {
    if (name !== 'unclean.leader.election.enable') return
    if (value === 'true') uncleanTopics.add(resourceName)
    else uncleanTopics.delete(resourceName)
  }

  function register(record: RecordOf<'RegisterBrokerRecord'>, offset: number): void {
    const { brokerId: id, incarnationId, brokerEpoch: epoch } = record
    const before = brokers.get(id)
    const isSame = before?.incarnationId === incarnationId
    must(
      isSame ? epoch === before.epoch : epoch === offset,
      'M5',
      'a broker epoch is the offset of its registration',
      () => ({ id, epoch, offset, before }),
    )
    brokers.set(id, {
      id,
      epoch,
      incarnationId,
      isFenced: record.fenced,
      isStopping: record.inControlledShutdown,
    })
    if (record.fenced) for (const partition of partitions.values()) checkMembers(partition)
  }

  function registrationChanges(
    record: RecordOf<'BrokerRegistrationChangeRecord'>,
    offset: number,
  ): void {
    const { brokerId: id, brokerEpoch, fenced, inControlledShutdown } = record
    const broker = brokers.get(id)
    must(broker !== undefined, 'M8', 'a changed broker is registered', () => ({ record }))
    must(broker.epoch === brokerEpoch, 'M5', 'a change names the registered epoch', () => ({
      broker,
      record,
    }))
    if (inControlledShutdown === 1) broker.isStopping = true
    if (fenced === -1) unfence(broker)
    if (fenced === 1) {
      if (!broker.isFenced && !broker.isStopping) events.fenced(broker, offset)
      broker.isFenced = true
      for (const partition of partitions.values()) checkMembers(partition)
    }
  }

  function unfence(broker: KnownBroker): void {
    broker.isFenced = false
    const { parts } = cluster.node(broker.id)
    if (parts?.endpoint.incarnationId !== broker.incarnationId) return
    must(
      parts.loader.image().offset >= broker.epoch,
      'M5',
      'a broker is unfenced once it has replayed its registration',
      () => ({ broker, offset: parts.loader.image().offset }),
    )
  }

  function removeTopic({ topicId }: RecordOf<'RemoveTopicRecord'>): void {
    must(topics.delete(topicId), 'M8', 'a removed topic was there', () => ({ topicId }))
    for (const [key, of] of partitions) if (of.topicId === topicId) partitions.delete(key)
  }

  function created(record: RecordOf<'PartitionRecord'>): void {
    const { topicId, partitionId: partition, replicas, isr, leader } = record
    const topic = topics.get(topicId)
    must(topic !== undefined, 'M8', 'a partition belongs to a topic', () => ({ record }))
    const { leaderEpoch, partitionEpoch } = record
    const now: KnownPartition = {
      topicId,
      topic,
      partition,
      replicas,
      isr,
      leader,
      leaderEpoch,
      partitionEpoch,
      isrSizes: [],
    }
    now.isrSizes[partitionEpoch] = isr.length
    partitions.set(keyOf(topicId, partition), now)
    check(now, undefined)
  }

  function changes(record: RecordOf<'PartitionChangeRecord'>): void {
    const { topicId, partitionId, isr, leader, replicas } = record
    const before = partitions.get(keyOf(topicId, partitionId))
    must(before !== undefined, 'M8', 'a changed partition exists', () => ({ record }))
    const now: KnownPartition = {
      ...before,
      isr: isr ?? before.isr,
      replicas: replicas ?? before.replicas,
      leader: leader === -2 ? before.leader : leader,
      leaderEpoch: leader === -2 ? before.leaderEpoch : before.leaderEpoch + 1,
      partitionEpoch: before.partitionEpoch + 1,
    }
    now.isrSizes[now.partitionEpoch] = now.isr.length
    partitions.set(keyOf(topicId, partitionId), now)
    check(now, before)
  }

  function check(now: KnownPartition, before: KnownPartition | undefined): void {
    const { topicId, partition, replicas, isr, leader, leaderEpoch } = now
    const told = () => ({ before, now })
    must(
      replicas.every((id) => brokers.has(id)),
      'M8',
      'replicas are registered brokers',
      told,
    )
    must(
      isr.length > 0 && isr.every((id) => replicas.includes(id)),
      'P9',
      'the ISR is made of replicas',
      told,
    )
    must(leader < 0 || isr.includes(leader), 'P9', 'the leader is in the ISR', told)
    const key = `${keyOf(topicId, partition)}@${leaderEpoch}`
    const who = leaders.get(key) ?? leader
    must(who === leader || leader < 0, 'P12', 'a leader epoch has one leader', told)
    if (leader >= 0) leaders.set(key, leader)
    if (before !== undefined && leader !== before.leader) {
      leaderChanges++
      const isUnclean = leader >= 0 && !before.isr.includes(leader) && isr.length === 1
      must(
        !isUnclean || uncleanTopics.has(now.topic),
        'P18',
        'a leader is elected out of the ISR, where its topic does not say otherwise',
        told,
      )
      const broker = brokers.get(leader)
      must(
        !isUnclean || (broker?.isFenced === false && !broker.isStopping),
        'P18',
        'who is elected uncleanly is neither fenced nor stopping',
        () => ({ broker, ...told() }),
      )
    }
    checkMembers(now)
    const joined = isr.filter((id) => before !== undefined && !before.isr.includes(id))
    for (const id of joined) {
      const broker = brokers.get(id)
      must(
        broker !== undefined && !broker.isFenced && !broker.isStopping,
        'P10',
        'who joins an ISR is neither fenced nor stopping',
        () => ({ broker, ...told() }),
      )
    }
    events.changed(now, before)
  }

  /** With ELR off the last member of an ISR stays in it, and leads no more. */
  function checkMembers(now: KnownPartition): void {
    for (const id of now.isr) {
      if (brokers.get(id)?.isFenced !== true) continue
      must(
        now.isr.length === 1 && now.leader < 0,
        'P9',
        'a fenced broker is in no ISR, but as its last member',
        () => ({ id, now }),
      )
    }
  }

  function starting(node: SimNode, parts: NodeParts): void {
    let told = 0
    const self = node.id
    parts.quorum.listen({
      handleCommit: (batch) =>
        guarded(() => {
          const { baseOffset, lastOffset, records } = batch
          must(baseOffset === told, 'R8', 'a node is told all, in order and without gaps', () => ({
            node: self,
            told,
            baseOffset,
          }))
          told = lastOffset + 1
          must(
            records.length === 0 || records.length === lastOffset - baseOffset + 1,
            'R17',
            'a batch is told wholly or not at all',
            () => ({ node: self, baseOffset, lastOffset, records: records.length }),
          )
          if (baseOffset !== next) return
          next = told
          events.committed(batch)
          for (const [at, record] of records.entries()) apply(record, baseOffset + at)
        }),
      handleLoadSnapshot: ({ lastContainedOffset }) => {
        told = lastContainedOffset + 1
      },
      handleLeaderChange: ({ leaderId, epoch }) =>
        guarded(() => {
          const led = parts.quorum.rpc.leadership()
          if (leaderId !== self || led?.epoch !== epoch) return
          must(
            told >= led.epochStartOffset,
            'R15',
            'a controller is told that it leads once it was told all that precedes its epoch',
            () => ({ node: self, epoch, told, epochStart: led.epochStartOffset }),
          )
        }),
    })
  }

  return {
    starting,
    partition: (topicId, index) => partitions.get(keyOf(topicId, index)),
    partitions: () => partitions.values(),
    broker: (id) => brokers.get(id),
    leaderOf: (topicId, index, epoch) => leaders.get(`${keyOf(topicId, index)}@${epoch}`),
    leaderChanges: () => leaderChanges,
  }
}
