/**
 * BeginQuorumEpoch v0-1: a leader makes itself known to a voter that does not fetch (KIP-595, 853).
 *
 * - An older epoch is answered FENCED_LEADER_EPOCH, with the newer one to learn.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { BeginQuorumEpoch } from '../../transport/schemas/53-begin-quorum-epoch.ts'
import type { QuorumHost } from '../quorum/rpc.ts'
import { isForUs, isMeant, onlyPartition, quorumAnswer, quorumFailure } from '../quorum/rpc.ts'
import { handler } from './handler.ts'

type Partition = Request<typeof BeginQuorumEpoch>['topics'][number]['partitions'][number]

export const beginQuorumEpoch = handler<typeof BeginQuorumEpoch, QuorumHost>(
  BeginQuorumEpoch,
  [0, 1],
  (request, asker, host): Response<typeof BeginQuorumEpoch> => {
    const { rpc } = host.quorum
    const { replica } = rpc
    if (!isForUs(replica, request)) return quorumFailure('INCONSISTENT_CLUSTER_ID')
    const asked = onlyPartition<Partition>(request.topics)
    if (asked === undefined || asked.leaderId < 0 || asked.leaderEpoch < 0) {
      return quorumAnswer(replica, 'INVALID_REQUEST', {})
    }
    const { leaderId, leaderEpoch: epoch } = asked
    if (epoch < replica.role().context.epoch) {
      return quorumAnswer(replica, 'FENCED_LEADER_EPOCH', {})
    }
    if (!isMeant(replica, { id: request.voterId, directoryId: asked.voterDirectoryId })) {
      return quorumAnswer(replica, 'INVALID_VOTER_KEY', {})
    }
    replica.send({ type: 'BeginQuorumEpoch', leaderId, epoch })
    rpc.noteLeader(leaderId, epoch, asker.connectionId)
    return quorumAnswer(replica, 'NONE', {})
  },
  (_, error) => quorumFailure(error),
)
