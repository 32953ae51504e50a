/** What the handlers of the quorum's APIs stand on, and what they have in common. */
import type { QuorumEvent } from '../../machines/quorum/types.ts'
import { isSame } from '../../machines/quorum/votes.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import type { Leadership } from './leadership.ts'
import { nodeEndpoints, type Replica, saidLeader, topicName } from './replica.ts'
import type { ReplicaKey } from './types.ts'

export type QuorumRpc = {
  readonly replica: Replica
  /** While this replica leads. */
  leadership(): Leadership | undefined
  /** Asks the chart for a vote; it is durable when this returns true. */
  vote(event: Extract<QuorumEvent, { type: 'Vote' }>): boolean
  /** A leader's own word tells which incarnation of it leads. */
  noteLeader(leaderId: number, epoch: number, incarnationId: string | undefined): void
}

export type QuorumHost = { readonly quorum: { readonly rpc: QuorumRpc } }

/** The one partition that the quorum is about. */
export function onlyPartition<P>(
  topics: { topicName: string; partitions: (P & { partitionIndex: number })[] }[],
): P | undefined {
  const [topic] = topics
  const partition = topic?.partitions[0]
  const isOurs = topics.length === 1 && topic?.topicName === topicName
  return isOurs && topic.partitions.length === 1 && partition?.partitionIndex === 0
    ? partition
    : undefined
}

export const isForUs = ({ clusterId }: Replica, asked: { clusterId: string | null }): boolean =>
  asked.clusterId === null || asked.clusterId === clusterId

/** A voter may be meant by id and directory; absent (-1 or the zero uuid): whoever is asked. */
export const isMeant = ({ self }: Replica, voter: ReplicaKey): boolean =>
  voter.id < 0 || isSame(voter, self)

/** An answer of Vote, BeginQuorumEpoch and EndQuorumEpoch, with epoch and leader as of now. */
export function quorumAnswer<E extends object>(replica: Replica, error: ErrorName, extra: E) {
  const { leaderId, epoch } = saidLeader(replica)
  const partition = {
    partitionIndex: 0,
    errorCode: errorCodes[error],
    leaderId,
    leaderEpoch: epoch,
    ...extra,
  }
  return {
    errorCode: errorCodes.NONE,
    topics: [{ topicName, partitions: [partition] }],
    nodeEndpoints: nodeEndpoints(replica, leaderId),
  }
}

/** The answer when nothing of a request was looked at. */
export const quorumFailure = (error: ErrorName) => ({
  errorCode: errorCodes[error],
  topics: [],
  nodeEndpoints: [],
})
