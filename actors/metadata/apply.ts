/**
 * One metadata record changes the image. All record types of Kafka 4.3 stand here, those that change
 * nothing with their reason; an unknown one, or one that refers to what is not there, is a fault (M3, M8).
 *
 * Transaction markers are not for the image: who replays a log holds records back until their end.
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { Changes } from './delta.ts'
import type { BrokerState, ConfigResource, PartitionState } from './image.ts'
import {
  addPartition,
  addTopic,
  configKey,
  type ImageState,
  removeTopic,
  setEntry,
  setNextProducerId,
  type TopicRow,
  writePartition,
} from './state.ts'

export type RecordOf<T extends MetadataRecord['type']> = Extract<MetadataRecord, { type: T }>

/** The record cannot be applied: the log and this node's idea of it have parted. */
export class ApplyError extends Error {
  readonly record: MetadataRecord
  constructor(why: string, record: MetadataRecord) {
    super(`${record.type} cannot be applied: ${why}`)
    this.name = 'ApplyError'
    this.record = record
  }
}

/** @throws ApplyError; the image may then hold a part of the change and is of no use any more */
export function applyRecord(state: ImageState, record: MetadataRecord, changes?: Changes): void {
  const known = appliers[record.type] as Applier<MetadataRecord> | undefined
  if (known === undefined) throw new ApplyError('the type is unknown', record)
  known(state, record, changes)
}

type Applier<R> = (state: ImageState, record: R, changes: Changes | undefined) => void

const nothing = () => {}

const appliers: { [T in MetadataRecord['type']]: Applier<RecordOf<T>> } = {
  FeatureLevelRecord(state, { name, featureLevel }, changes) {
    setEntry(state, state.features, name, featureLevel === 0 ? undefined : featureLevel)
    changes?.features()
  },
  RegisterBrokerRecord(state, record, changes) {
    const { brokerId: id, brokerEpoch: epoch } = record
    setEntry(state, state.brokers, id, {
      id,
      epoch,
      incarnationId: record.incarnationId,
      endpoints: record.endPoints.map((endpoint) => ({ ...endpoint })),
      features: record.features.map(featureRange),
      rack: record.rack,
      fenced: record.fenced,
      inControlledShutdown: record.inControlledShutdown,
      logDirs: [...record.logDirs],
      isMigratingZkBroker: record.isMigratingZkBroker,
      cordonedLogDirs: record.cordonedLogDirs ?? [],
    })
    changes?.broker(id)
  },
  UnregisterBrokerRecord(state, record, changes) {
    const { id } = brokerOf(state, record, record.brokerId, record.brokerEpoch)
    setEntry(state, state.brokers, id, undefined)
    changes?.broker(id)
  },
  BrokerRegistrationChangeRecord(state, record, changes) {
    const broker = brokerOf(state, record, record.brokerId, record.brokerEpoch)
    changeBroker(state, changes, broker, {
      fenced: record.fenced === 0 ? broker.fenced : record.fenced > 0,
      inControlledShutdown: broker.inControlledShutdown || record.inControlledShutdown > 0,
      logDirs: record.logDirs.length > 0 ? [...record.logDirs] : broker.logDirs,
      cordonedLogDirs: record.cordonedLogDirs ?? broker.cordonedLogDirs ?? [],
    })
  },
  FenceBrokerRecord(state, record, changes) {
    const broker = brokerOf(state, record, record.id, record.epoch)
    changeBroker(state, changes, broker, { fenced: true })
  },
  UnfenceBrokerRecord(state, record, changes) {
    const broker = brokerOf(state, record, record.id, record.epoch)
    changeBroker(state, changes, broker, { fenced: false })
  },
  RegisterControllerRecord(state, record) {
    setEntry(state, state.controllers, record.controllerId, {
      id: record.controllerId,
      incarnationId: record.incarnationId,
      endpoints: record.endPoints.map((endpoint) => ({ ...endpoint })),
      features: record.features.map(featureRange),
    })
  },
  TopicRecord(state, record) {
    if (state.topicsById.has(record.topicId)) throw new ApplyError('its id is taken', record)
    if (state.topicsByName.has(record.name)) throw new ApplyError('its name is taken', record)
    addTopic(state, record.name, record.topicId)
  },
  RemoveTopicRecord(state, record, changes) {
    const topic = topicOf(state, record, record.topicId)
    changes?.topicDeleted(topic.id, topic.name, topic.partitionCount())
    removeTopic(state, topic)
    const settings: ConfigResource = { type: 'topic', name: topic.name }
    if (state.configs.has(configKey(settings))) {
      setEntry(state, state.configs, configKey(settings), undefined)
      changes?.config(settings)
    }
  },
  PartitionRecord(state, record, changes) {
    const topic = topicOf(state, record, record.topicId)
    const index = record.partitionId
    if (topic.partition(index) !== undefined) throw new ApplyError('it exists', record)
    const { replicas, isr, removingReplicas, addingReplicas, leader } = record
    const { leaderEpoch, partitionEpoch, leaderRecoveryState } = record
    const next: PartitionState = {
      partition: index,
      replicas,
      directories: directoriesOf(record.directories, replicas.length, record),
      isr,
      removingReplicas,
      addingReplicas,
      leader,
      leaderEpoch,
      partitionEpoch,
      leaderRecoveryState,
      elr: record.eligibleLeaderReplicas ?? [],
      lastKnownElr: record.lastKnownElr ?? [],
    }
    check(next, record)
    addPartition(state, topic, next)
    changes?.partition(topic.id, index)
  },
  PartitionChangeRecord(state, record, changes) {
    const topic = topicOf(state, record, record.topicId)
    const before = topic.partition(record.partitionId)
    if (before === undefined) throw new ApplyError('there is no such partition', record)
    const next = changedPartition(before, record)
    check(next, record)
    writePartition(state, topic, next)
    changes?.partition(topic.id, next.partition)
  },
  ClearElrRecord(state, record, changes) {
    const all = record.topicName === ''
    const named = state.topicsByName.get(record.topicName)
    if (!all && named === undefined) throw new ApplyError('there is no such topic', record)
    for (const topic of all ? state.topicsById.values() : [named!]) {
      for (let index = 0; index < topic.partitionCount(); index++) {
        const before = topic.partition(index)
        if (before === undefined || before.elr.length + before.lastKnownElr.length === 0) continue
        writePartition(state, topic, { ...before, elr: [], lastKnownElr: [] })
        changes?.partition(topic.id, index)
      }
    }
  },
  ConfigRecord(state, record, changes) {
    const type = resourceTypes.get(record.resourceType)
    if (type === undefined) throw new ApplyError('the resource type is unknown', record)
    const of: ConfigResource = { type, name: record.resourceName }
    const next = new Map(state.configs.get(configKey(of)))
    if (record.value === null) next.delete(record.name)
    else next.set(record.name, record.value)
    setEntry(state, state.configs, configKey(of), next.size === 0 ? undefined : next)
    changes?.config(of)
  },
  ProducerIdsRecord: (state, { nextProducerId }) => setNextProducerId(state, nextProducerId),
  ClientQuotaRecord(state, record) {
    const entity = record.entity.map(({ entityType, entityName }) => [entityType, entityName])
    const key = `quota ${JSON.stringify([entity.sort(), record.key])}`
    setEntry(state, state.kept, key, record.remove ? undefined : record)
  },
  AccessControlEntryRecord(state, record) {
    setEntry(state, state.kept, `acl ${record.id}`, record)
  },
  RemoveAccessControlEntryRecord: (state, record) => forget(state, record, `acl ${record.id}`),
  UserScramCredentialRecord(state, record) {
    setEntry(state, state.kept, `scram ${record.mechanism} ${record.name}`, record)
  },
  RemoveUserScramCredentialRecord: (state, record) =>
    forget(state, record, `scram ${record.mechanism} ${record.name}`),
  DelegationTokenRecord(state, record) {
    setEntry(state, state.kept, `token ${record.tokenId}`, record)
  },
  RemoveDelegationTokenRecord: (state, record) => forget(state, record, `token ${record.tokenId}`),
  /** Of the time of ZooKeeper: Kafka 4 has no state that it could change. */
  ZkMigrationStateRecord: nothing,
  /** Only moves the offset. */
  NoOpRecord: nothing,
  BeginTransactionRecord: marker,
  EndTransactionRecord: marker,
  AbortTransactionRecord: marker,
}

function marker(_: ImageState, record: MetadataRecord): void {
  throw new ApplyError('who replays the log keeps transaction markers from the image', record)
}

function forget(state: ImageState, record: MetadataRecord, key: string): void {
  if (!state.kept.has(key)) throw new ApplyError('there is nothing to remove', record)
  setEntry(state, state.kept, key, undefined)
}

/** Kafka's codes of the resources whose settings the metadata log holds. */
export const resourceTypes: ReadonlyMap<number, ConfigResource['type']> = new Map([
  [2, 'topic'],
  [4, 'broker'],
  [16, 'client-metrics'],
  [32, 'group'],
])

const featureRange = (range: {
  name: string
  minSupportedVersion: number
  maxSupportedVersion: number
}) => ({ name: range.name, min: range.minSupportedVersion, max: range.maxSupportedVersion })

function brokerOf(state: ImageState, record: MetadataRecord, id: number, epoch: number) {
  const broker = state.brokers.get(id)
  if (broker === undefined) throw new ApplyError(`broker ${id} is not registered`, record)
  if (broker.epoch !== epoch) {
    throw new ApplyError(`broker ${id} has epoch ${broker.epoch}, not ${epoch}`, record)
  }
  return broker
}

function changeBroker(
  state: ImageState,
  changes: Changes | undefined,
  broker: BrokerState,
  change: Partial<BrokerState>,
): void {
  setEntry(state, state.brokers, broker.id, { ...broker, ...change })
  changes?.broker(broker.id)
}

function topicOf(state: ImageState, record: MetadataRecord, id: string): TopicRow {
  const topic = state.topicsById.get(id)
  if (topic === undefined) throw new ApplyError(`there is no topic ${id}`, record)
  return topic
}

/** Where a record does not say, Kafka's id for a directory that nobody named yet. */
const migratingDirectory = 'AAAAAAAAAAAAAAAAAAAAAA'

function directoriesOf(named: string[], replicas: number, record: MetadataRecord): string[] {
  if (named.length === 0) return Array.from({ length: replicas }, () => migratingDirectory)
  if (named.length !== replicas) throw new ApplyError('each replica has one directory', record)
  return named
}

const noLeaderChange = -2

/** What a partition is after this record; absent fields stay as they were. */
export function changedPartition(
  before: PartitionState,
  record: RecordOf<'PartitionChangeRecord'>,
): PartitionState {
  const replicas = record.replicas ?? before.replicas
  const directories =
    record.directories === null
      ? before.directories
      : directoriesOf(record.directories, replicas.length, record)
  const sameLeader = record.leader === noLeaderChange
  return {
    partition: before.partition,
    replicas,
    directories,
    isr: record.isr ?? before.isr,
    removingReplicas: record.removingReplicas ?? before.removingReplicas,
    addingReplicas: record.addingReplicas ?? before.addingReplicas,
    leader: sameLeader ? before.leader : record.leader,
    leaderEpoch: sameLeader ? before.leaderEpoch : before.leaderEpoch + 1,
    partitionEpoch: before.partitionEpoch + 1,
    leaderRecoveryState:
      record.leaderRecoveryState < 0 ? before.leaderRecoveryState : record.leaderRecoveryState,
    elr: record.eligibleLeaderReplicas ?? before.elr,
    lastKnownElr: record.lastKnownElr ?? before.lastKnownElr,
  }
}

/** P9 and M8, as far as one record shows them. */
function check(next: PartitionState, record: MetadataRecord): void {
  const { replicas, directories, isr, leader } = next
  const wrong = (claim: string): never => {
    throw new ApplyError(`${claim}: ${JSON.stringify(next)}`, record)
  }
  if (replicas.length === 0) wrong('a partition has replicas')
  if (directories.length !== replicas.length) wrong('each replica has one directory')
  if (!isr.every((id) => replicas.includes(id))) wrong('the ISR lies within the replicas')
  if (leader !== -1 && !isr.includes(leader)) wrong('the leader is in the ISR')
  if (next.elr.some((id) => isr.includes(id))) wrong('ISR and ELR are disjoint')
}
