/**
 * Who leads and who is in sync when brokers come, go and stop: the records that follow, in an order
 * in which a failover between two batches does no harm.
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { RecordOf } from '../metadata/apply.ts'
import type { PartitionRef } from '../metadata/create-image.ts'
import type { BrokerState } from '../metadata/image.ts'
import { type Cluster, changeRules, ownRules } from './cluster.ts'
import { type ChangeRules, partitionChange } from './partition-change.ts'

type PartitionChange = RecordOf<'PartitionChangeRecord'>

/** A broker leaves these ISRs and leaderships; the last member of an ISR stays in it, without a leader. */
function withdrawn(cluster: Cluster, brokerId: number, from: PartitionRef[]): PartitionChange[] {
  const rulesOf = rulesByTopic(cluster)
  return from.flatMap(({ topicId, topicName, partition }) => {
    const rules = rulesOf(topicName)
    const change = partitionChange(
      topicId,
      partition,
      { isr: partition.isr.filter((id) => id !== brokerId) },
      { ...rules, mayLead: (id) => id !== brokerId && rules.mayLead(id) },
    )
    return change ?? []
  })
}

const leavesAll = (cluster: Cluster, brokerId: number): PartitionChange[] =>
  withdrawn(cluster, brokerId, cluster.image.partitionsWithIsrMember(brokerId))

export const registrationChange = (
  { id, epoch }: Pick<BrokerState, 'id' | 'epoch'>,
  change: { fenced?: -1 | 1; inControlledShutdown?: 1; logDirs?: string[] },
): RecordOf<'BrokerRegistrationChangeRecord'> => ({
  type: 'BrokerRegistrationChangeRecord',
  brokerId: id,
  brokerEpoch: epoch,
  fenced: change.fenced ?? 0,
  inControlledShutdown: change.inControlledShutdown ?? 0,
  logDirs: change.logDirs ?? [],
  cordonedLogDirs: null,
})

/** `fenced` last: who finds it set finds the partitions moved. */
export const fenceRecords = (cluster: Cluster, broker: BrokerState): MetadataRecord[] => [
  ...leavesAll(cluster, broker.id),
  registrationChange(broker, { fenced: 1 }),
]

/** Partitions that wait for any leader may get this one. */
export function unfenceRecords(cluster: Cluster, broker: BrokerState): MetadataRecord[] {
  return [
    registrationChange(broker, { fenced: -1 }),
    ...elected(cluster, cluster.image.partitionsWithoutLeader(), broker.id),
  ]
}

/** `inControlledShutdown` first: from then on nothing elects it again. */
export const handOverRecords = (cluster: Cluster, broker: BrokerState): MetadataRecord[] => [
  registrationChange(broker, { inControlledShutdown: 1 }),
  ...leavesAll(cluster, broker.id),
]

export const unregisterRecords = (cluster: Cluster, broker: BrokerState): MetadataRecord[] => [
  ...leavesAll(cluster, broker.id),
  { type: 'UnregisterBrokerRecord', brokerId: broker.id, brokerEpoch: broker.epoch },
]

/** What an earlier incarnation held is not held by the next one. */
export const reincarnationRecords = (cluster: Cluster, brokerId: number): MetadataRecord[] =>
  leavesAll(cluster, brokerId)

/** Directories that a broker reports as failed: what lay there leaves ISRs; last the directories go. */
export function offlineDirectoryRecords(
  cluster: Cluster,
  broker: BrokerState,
  offline: readonly string[],
): MetadataRecord[] {
  const lost = broker.logDirs.filter((directory) => offline.includes(directory))
  if (lost.length === 0 || lost.length === broker.logDirs.length) return []
  const hit = cluster.image.partitionsWithIsrMember(broker.id).filter(({ partition }) => {
    const directory = partition.directories[partition.replicas.indexOf(broker.id)]!
    return lost.includes(directory)
  })
  const logDirs = broker.logDirs.filter((directory) => !lost.includes(directory))
  return [...withdrawn(cluster, broker.id, hit), registrationChange(broker, { logDirs })]
}

/** @param joining a broker that may lead though the image does not say so yet */
function elected(cluster: Cluster, of: Iterable<PartitionRef>, joining = -1): PartitionChange[] {
  const changes: PartitionChange[] = []
  const rulesOf = rulesByTopic(cluster)
  for (const { topicId, topicName, partition } of of) {
    const rules = rulesOf(topicName)
    const change = partitionChange(
      topicId,
      partition,
      {},
      {
        ...rules,
        mayLead: (id) => id === joining || rules.mayLead(id),
      },
    )
    if (change !== undefined) changes.push(change)
  }
  return changes
}

/** A topic's configuration is looked up once, not for each of its partitions. */
function rulesByTopic(cluster: Cluster): (topicName: string) => ChangeRules {
  const known = new Map<string, ChangeRules>()
  return (topicName) => {
    const rules = known.get(topicName) ?? ownRules(cluster, topicName)
    known.set(topicName, rules)
    return rules
  }
}

/** How many leaders one run of a periodic task moves, as in Kafka. */
const electionsPerRun = 1_000

/**
 * Leaders that are not the preferred replica, where that one could lead (auto.leader.rebalance).
 * @returns at most one run's worth; as many again may be left
 */
export function balanceRecords(cluster: Cluster): PartitionChange[] {
  const changes: PartitionChange[] = []
  for (const { topicId, topicName, partition } of cluster.image.partitionsNotPreferred()) {
    if (!partition.isr.includes(partition.replicas[0]!)) continue
    const rules = changeRules(cluster, topicName, 'preferred')
    const change = partitionChange(topicId, partition, {}, rules)
    if (change !== undefined) changes.push(change)
    if (changes.length === electionsPerRun) break
  }
  return changes
}

/** Partitions without a leader whose topics allow an unclean one by now. */
export function uncleanRecords(cluster: Cluster): PartitionChange[] {
  const changes = elected(cluster, cluster.image.partitionsWithoutLeader())
  return changes.slice(0, electionsPerRun)
}
