/** Metadata records as scenarios write them. */
import type { MetadataImage } from '../../actors/metadata/image.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'

/** A directory's id by its name. */
export const directoryOf = (name: string) => Buffer.from(name.padEnd(16)).toString('base64url')

/** A change of a partition; a leader, even the same, raises the leader epoch. */
export const change = (
  topicId: string,
  partitionId: number,
  what: { isr?: number[]; leader?: number; replicas?: number[]; directories?: string[] },
): MetadataRecord => ({
  type: 'PartitionChangeRecord',
  partitionId,
  topicId,
  isr: what.isr ?? null,
  leader: what.leader ?? -2,
  replicas: what.replicas ?? null,
  removingReplicas: null,
  addingReplicas: null,
  leaderRecoveryState: -1,
  directories: what.directories ?? null,
  eligibleLeaderReplicas: null,
  lastKnownElr: null,
})

/** -1 unfences. */
export const fencing = (
  truth: MetadataImage,
  brokerId: number,
  fenced: 1 | -1,
): MetadataRecord => ({
  type: 'BrokerRegistrationChangeRecord',
  brokerId,
  brokerEpoch: truth.brokers().get(brokerId)!.epoch,
  fenced,
  inControlledShutdown: 0,
  logDirs: [],
  cordonedLogDirs: null,
})
