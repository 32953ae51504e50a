/**
 * A partition leader changes its ISR (KIP-497, 841, 903): a compare-and-set on leader epoch and
 * partition epoch (P11), and the controller's own look at every proposed member (P10).
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { AlterPartition } from '../../transport/schemas/56-alter-partition.ts'
import { changedPartition } from '../metadata/apply.ts'
import type { PartitionState } from '../metadata/image.ts'
import { type Cluster, checkBrokerEpoch, type Decision, isOnline, ownRules } from './cluster.ts'
import { partitionChange, recovered, recovering } from './partition-change.ts'

type Answer = Response<typeof AlterPartition>['topics']
type Altered = Answer[number]['partitions'][number]
type Asked = Request<typeof AlterPartition>['topics'][number]['partitions'][number]
type Member = { brokerId: number; brokerEpoch: number }

/** A member named without an epoch, as before KIP-903, is taken at its word. */
const anyEpoch = -1

/** @throws KafkaError STALE_BROKER_EPOCH */
export function alterPartitions(
  cluster: Cluster,
  { brokerId, brokerEpoch, topics }: Request<typeof AlterPartition>,
  apiVersion: number,
): Decision<Answer> {
  checkBrokerEpoch(cluster, brokerId, brokerEpoch)
  const records: MetadataRecord[] = []
  const answer = topics.map(({ topicId, partitions }) => {
    const topic = cluster.image.topicById(topicId)
    return {
      topicId,
      partitions: partitions.map((asked): Altered => {
        if (topic === undefined) return refused(asked, 'UNKNOWN_TOPIC_ID')
        const before = topic.partition(asked.partitionIndex)
        if (before === undefined) return refused(asked, 'UNKNOWN_TOPIC_OR_PARTITION')
        const isr =
          apiVersion >= 3
            ? asked.newIsrWithEpochs
            : asked.newIsr.map((id) => ({ brokerId: id, brokerEpoch: anyEpoch }))
        const error = validate(cluster, brokerId, before, asked, isr)
        if (error !== 'NONE') return refused(asked, error)
        const record = partitionChange(
          topicId,
          before,
          {
            isr: isr.map((member) => member.brokerId),
            leaderRecoveryState: asked.leaderRecoveryState,
          },
          ownRules(cluster, topic.name),
        )
        if (record === undefined) return accepted(asked, before)
        records.push(record)
        const next = changedPartition(before, record)
        // A reassignment ended with it and the leader was not to stay: done, under another leader.
        if (next.leader !== before.leader) return refused(asked, 'NEW_LEADER_ELECTED')
        return accepted(asked, next)
      }),
    }
  })
  return { records, answer }
}

const refused = ({ partitionIndex }: Asked, error: ErrorName): Altered => ({
  partitionIndex,
  errorCode: errorCodes[error],
  leaderId: 0,
  leaderEpoch: 0,
  isr: [],
  leaderRecoveryState: recovered,
  partitionEpoch: 0,
})

const accepted = ({ partitionIndex }: Asked, now: PartitionState): Altered => ({
  partitionIndex,
  errorCode: errorCodes.NONE,
  leaderId: now.leader,
  leaderEpoch: now.leaderEpoch,
  isr: now.isr,
  leaderRecoveryState: now.leaderRecoveryState,
  partitionEpoch: now.partitionEpoch,
})

function validate(
  cluster: Cluster,
  asker: number,
  before: PartitionState,
  asked: Asked,
  isr: readonly Member[],
): ErrorName {
  const { leaderEpoch, partitionEpoch, leaderRecoveryState } = asked
  const ids = isr.map(({ brokerId }) => brokerId)
  // Who knows more than this controller knows of another one that is active by now.
  if (leaderEpoch > before.leaderEpoch || partitionEpoch > before.partitionEpoch) {
    return 'NOT_CONTROLLER'
  }
  if (leaderEpoch < before.leaderEpoch) return 'FENCED_LEADER_EPOCH'
  if (asker !== before.leader) return 'INVALID_REQUEST'
  if (partitionEpoch < before.partitionEpoch) return 'INVALID_UPDATE_VERSION'
  const distinct = new Set(ids).size === ids.length
  const within = ids.every((id) => before.replicas.includes(id))
  if (!distinct || !within || !ids.includes(asker)) return 'INVALID_REQUEST'
  const known = leaderRecoveryState === recovered || leaderRecoveryState === recovering
  const still = leaderRecoveryState === recovering
  if (!known || (still && ids.length > 1)) return 'INVALID_REQUEST'
  if (still && before.leaderRecoveryState === recovered) return 'INVALID_REQUEST'
  const isThere = ({ brokerId }: Member) =>
    before.isr.includes(brokerId) ||
    isOnline(cluster, brokerId, before.directories[before.replicas.indexOf(brokerId)]!)
  return isr.every((member) => mayJoin(cluster, member) && isThere(member))
    ? 'NONE'
    : 'INELIGIBLE_REPLICA'
}

function mayJoin({ image }: Cluster, { brokerId, brokerEpoch }: Member): boolean {
  const broker = image.brokers().get(brokerId)
  if (broker === undefined || broker.fenced || broker.inControlledShutdown) return false
  return brokerEpoch === anyEpoch || brokerEpoch === broker.epoch
}
