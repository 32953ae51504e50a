/**
 * What the parts of one quorum replica share: who it is, its ports, its log, and what its chart
 * says now. Effects that run inside a transition take epoch and leader from the chart's context
 * instead: there the old state is still what `role` tells.
 */
import type { QuorumContext, QuorumEvent } from '../../machines/quorum/types.ts'
import type { Link } from '../../transport/links/link.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import type { QuorumStore } from '../ports/quorum-store.ts'
import type { MetadataLog } from './metadata-log.ts'
import type { QuorumEndpoint, ReplicaKey, Voter } from './types.ts'
import type { VoterSets } from './voter-sets.ts'

export const topicName = '__cluster_metadata'
export const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** Kafka's `controller.quorum.*` and `metadata.*`; ms and bytes. */
export type QuorumConfig = {
  electionTimeoutMs: number
  fetchTimeoutMs: number
  electionBackoffMaxMs: number
  requestTimeoutMs: number
  retryBackoffMs: number
  fetchMaxBytes: number
  fetchSnapshotMaxBytes: number
  /** metadata.max.retention.bytes: log and snapshots together. */
  retentionBytes: number
  /** metadata.max.retention.ms: of what a snapshot contains; negative: for ever. */
  retentionMs: number
}

export type Role = 'unattached' | 'prospective' | 'candidate' | 'follower' | 'leader' | 'resigned'

export type Replica = {
  readonly clusterId: string
  readonly self: ReplicaKey
  readonly endpoints: QuorumEndpoint[]
  readonly link: Link
  readonly clock: Clock
  readonly config: QuorumConfig
  readonly logger: Logger
  readonly log: MetadataLog
  readonly snapshots: QuorumStore
  readonly voterSets: VoterSets
  /** Node ids that may know the leader, beside the voters. */
  bootstrapIds(): readonly number[]
  /** The chart, between transitions. */
  role(): { state: Role; context: QuorumContext }
  send(event: QuorumEvent): void
  /** Exclusive; -1 while unknown. Never goes back (R9). */
  highWatermark(): number
  raiseHighWatermark(to: number): void
  running(): boolean
  /** Work beside the chart: whatever it throws ends the node. */
  spawn(work: () => Promise<void>): void
  sleep(ms: number): Promise<void>
  halt(why: unknown): void
}

export const voters = ({ voterSets }: Replica): Voter[] => voterSets.inForce().voters

export const endpointsOf = (replica: Replica, id: number): QuorumEndpoint[] =>
  id === replica.self.id
    ? replica.endpoints
    : (voters(replica).find((voter) => voter.id === id)?.endpoints ?? [])

/** As an answer names nodes: one endpoint of the leader, where it is known. */
export function nodeEndpoints(replica: Replica, leaderId: number) {
  const [endpoint] = endpointsOf(replica, leaderId)
  return endpoint === undefined
    ? []
    : [{ nodeId: leaderId, host: endpoint.host, port: endpoint.port }]
}

/** Who leads, as others may be told: who resigned leads no more. */
export function saidLeader(replica: Replica): { leaderId: number; epoch: number } {
  const { state, context } = replica.role()
  const { epoch, leaderId } = context
  const led = leaderId === replica.self.id && state !== 'leader'
  return { leaderId: led ? -1 : leaderId, epoch }
}
