/**
 * Vote v0-2: a candidate asks for a vote, or whether it would get one (KIP-595, 853, 996).
 *
 * - The answer leaves once the vote is durable; the same candidate gets it again.
 * - A pre-vote changes neither epoch nor vote. In Kafka it teaches a newer epoch.
 * - Who takes itself for an observer votes all the same: others may know better (KIP-853).
 */

import type { Request, Response } from '../../transport/protocol/api.ts'
import { Vote } from '../../transport/schemas/52-vote.ts'
import type { MetadataLog } from '../quorum/metadata-log.ts'
import type { QuorumHost, QuorumRpc } from '../quorum/rpc.ts'
import { isForUs, isMeant, onlyPartition, quorumAnswer, quorumFailure } from '../quorum/rpc.ts'
import { handler } from './handler.ts'

type Partition = Request<typeof Vote>['topics'][number]['partitions'][number]

export const vote = handler<typeof Vote, QuorumHost>(
  Vote,
  [0, 2],
  (request, _, host): Response<typeof Vote> => {
    const { rpc } = host.quorum
    const { replica } = rpc
    const refused = { voteGranted: false }
    if (!isForUs(replica, request)) return quorumFailure('INCONSISTENT_CLUSTER_ID')
    const asked = onlyPartition<Partition>(request.topics)
    if (asked === undefined || !isSound(asked)) {
      return quorumAnswer(replica, 'INVALID_REQUEST', refused)
    }
    if (asked.replicaEpoch < replica.role().context.epoch) {
      return quorumAnswer(replica, 'FENCED_LEADER_EPOCH', refused)
    }
    if (!isMeant(replica, { id: request.voterId, directoryId: asked.voterDirectoryId })) {
      return quorumAnswer(replica, 'INVALID_VOTER_KEY', refused)
    }
    return quorumAnswer(replica, 'NONE', { voteGranted: decide(rpc, asked) })
  },
  (_, error) => quorumFailure(error),
)

/** A log cannot reach into the epoch that is stood for; a pre-vote names the one before. */
const isSound = (asked: Partition): boolean =>
  asked.replicaId >= 0 &&
  asked.replicaEpoch >= 0 &&
  asked.lastOffset >= 0 &&
  asked.lastOffsetEpoch >= 0 &&
  (asked.preVote
    ? asked.lastOffsetEpoch <= asked.replicaEpoch
    : asked.lastOffsetEpoch < asked.replicaEpoch)

function decide(rpc: QuorumRpc, asked: Partition): boolean {
  const { log } = rpc.replica
  const { replicaId: id, replicaDirectoryId: directoryId, replicaEpoch: epoch, preVote } = asked
  // Who may have lost what it acknowledged cannot tell whether another one has it.
  const upToDate = !log.isSuspect() && isUpToDate(log, asked)
  return rpc.vote({ type: 'Vote', candidate: { id, directoryId }, epoch, preVote, upToDate })
}

const isUpToDate = (log: MetadataLog, asked: Partition): boolean =>
  asked.lastOffsetEpoch === log.lastEpoch()
    ? asked.lastOffset >= log.endOffset()
    : asked.lastOffsetEpoch > log.lastEpoch()
