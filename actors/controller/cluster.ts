/** What decisions of the active controller stand on, and what they are: records and an answer. */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { errorCodes, refuse } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { LayeredConfig } from '../config/config.ts'
import { topicBool, topicInt } from '../config/topic-config.ts'
import type { MutableImage } from '../metadata/create-image.ts'
import { isOnlineDirectory, migratingDirectory } from '../metadata/directory-ids.ts'
import type { BrokerState } from '../metadata/image.ts'
import type { Random } from '../ports/random.ts'
import type { ChangeRules, Election } from './partition-change.ts'

/** The cluster as this controller has decided it, its uncommitted records included. */
export type Cluster = {
  readonly image: MutableImage
  readonly config: LayeredConfig
  readonly random: Random
  /** The offset that the next record takes. */
  nextOffset(): number
}

/** What one request comes to: one atomic batch, and the answer that leaves once it is committed. */
export type Decision<T> = {
  records: MetadataRecord[]
  answer: T
  /** Called once the records are in this controller's image, before they are committed. */
  applied?: () => void
}

/** Kafka's bound on the records of one user operation, and of one batch. */
export const recordsMax = 10_000

export const mayLead = (broker: BrokerState | undefined): boolean =>
  broker !== undefined && !broker.fenced && !broker.inControlledShutdown

export const isOnline = ({ image }: Cluster, brokerId: number, directoryId: string): boolean =>
  isOnlineDirectory(directoryId, image.brokers().get(brokerId)?.logDirs ?? [])

/**
 * Where a new replica goes. Of several directories Kafka lets the broker choose and tell
 * (AssignReplicasToDirs); here each gets its turn, and the broker tells where it is otherwise.
 */
export function directoryOf({ image }: Cluster, brokerId: number, partition: number): string {
  const logDirs = image.brokers().get(brokerId)?.logDirs ?? []
  return logDirs[(partition + image.offset) % logDirs.length] ?? migratingDirectory
}

export const topicConfigs = ({ image }: Cluster, name: string): ReadonlyMap<string, string> =>
  image.configs({ type: 'topic', name })

const electionFor = (cluster: Cluster, topicName: string): Election =>
  topicBool(cluster.config, topicConfigs(cluster, topicName), 'unclean.leader.election.enable')
    ? 'unclean'
    : 'online'

export function changeRules(cluster: Cluster, topicName: string, election: Election): ChangeRules {
  const overrides = topicConfigs(cluster, topicName)
  return {
    election,
    mayLead: (id) => mayLead(cluster.image.brokers().get(id)),
    isOnline: (id, directoryId) => isOnline(cluster, id, directoryId),
    minIsr: topicInt(cluster.config, overrides, 'min.insync.replicas'),
    directoryOf: (id, partition) => directoryOf(cluster, id, partition),
  }
}

/** For changes that nobody asked for: unclean where the topic allows it (P18). */
export const ownRules = (cluster: Cluster, topicName: string): ChangeRules =>
  changeRules(cluster, topicName, electionFor(cluster, topicName))

/**
 * The broker that asks, if what it says of itself is current.
 * @throws KafkaError STALE_BROKER_EPOCH
 */
export function checkBrokerEpoch({ image }: Cluster, id: number, epoch: number): BrokerState {
  const broker =
    image.brokers().get(id) ??
    refuse('STALE_BROKER_EPOCH', `broker ${id} is not registered; register it first`)
  if (broker.epoch !== epoch) {
    refuse('STALE_BROKER_EPOCH', `broker ${id}: epoch ${epoch}, not ${broker.epoch}`)
  }
  return broker
}

export const noError = { errorCode: errorCodes.NONE, errorMessage: null }

export const errorOf = (name: ErrorName, errorMessage: string | null) => ({
  errorCode: errorCodes[name],
  errorMessage,
})

/** Kafka's bound on one operation, whatever it is. */
export function checkSize(records: readonly unknown[]): void {
  if (records.length > recordsMax) {
    refuse(
      'POLICY_VIOLATION',
      `the operation needs ${records.length} records, at most ${recordsMax} are allowed; ask for less`,
    )
  }
}
