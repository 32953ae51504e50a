/**
 * EndQuorumEpoch v0-1: a leader resigns and names who should lead next (KIP-595, 853).
 *
 * - It shortens the wait for the next election, by the place among the candidates, and lets
 *   pre-votes be granted at once; it starts no election itself.
 */

import { isSame } from '../../machines/quorum/votes.ts'
import type { Request, Response } from '../../transport/protocol/api.ts'
import { EndQuorumEpoch } from '../../transport/schemas/54-end-quorum-epoch.ts'
import type { QuorumHost } from '../quorum/rpc.ts'
import { isForUs, onlyPartition, quorumAnswer, quorumFailure } from '../quorum/rpc.ts'
import type { ReplicaKey } from '../quorum/types.ts'
import { handler } from './handler.ts'

type Partition = Request<typeof EndQuorumEpoch>['topics'][number]['partitions'][number]

export const endQuorumEpoch = handler<typeof EndQuorumEpoch, QuorumHost>(
  EndQuorumEpoch,
  [0, 1],
  (request, _, host): Response<typeof EndQuorumEpoch> => {
    const { replica } = host.quorum.rpc
    if (!isForUs(replica, request)) return quorumFailure('INCONSISTENT_CLUSTER_ID')
    const asked = onlyPartition<Partition>(request.topics)
    if (asked === undefined || asked.leaderId < 0 || asked.leaderEpoch < 0) {
      return quorumAnswer(replica, 'INVALID_REQUEST', {})
    }
    const { leaderId, leaderEpoch: epoch } = asked
    if (epoch < replica.role().context.epoch) {
      return quorumAnswer(replica, 'FENCED_LEADER_EPOCH', {})
    }
    const place = placeOf(replica.self, asked)
    replica.send({ type: 'EndQuorumEpoch', leaderId, epoch, place })
    return quorumAnswer(replica, 'NONE', {})
  },
  (_, error) => quorumFailure(error),
)

/** v0 names ids, v1 ids and directories. */
function placeOf(self: ReplicaKey, asked: Partition): number {
  const byKey = asked.preferredCandidates.findIndex((candidate) =>
    isSame(self, { id: candidate.candidateId, directoryId: candidate.candidateDirectoryId }),
  )
  return byKey >= 0 ? byKey : asked.preferredSuccessors.indexOf(self.id)
}
