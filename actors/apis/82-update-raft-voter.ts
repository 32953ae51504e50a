/**
 * UpdateRaftVoter v0: a voter tells the leader its endpoints and kraft.versions (KIP-853).
 *
 * - One change of the voter set at a time, and only after something of the leader's own epoch is
 *   committed (R12); until then REQUEST_TIMED_OUT, and the voter asks again.
 * - The answer leaves once the new set is committed. Nothing new is answered at once.
 * - Static voters (kraft.version 0) have no set to change: UNSUPPORTED_VERSION.
 */
import { isSame } from '../../machines/quorum/votes.ts'
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { UpdateRaftVoter } from '../../transport/schemas/82-update-raft-voter.ts'
import { endpointsOf, type Replica, saidLeader, voters } from '../quorum/replica.ts'
import { isForUs, type QuorumHost } from '../quorum/rpc.ts'
import { NotLeaderError, type Voter } from '../quorum/types.ts'
import { handler } from './handler.ts'

type Host = QuorumHost & { readonly quorum: { committed(offset: number): Promise<void> } }
type Asked = Request<typeof UpdateRaftVoter>
type Answer = Response<typeof UpdateRaftVoter>

export const updateRaftVoter = handler<typeof UpdateRaftVoter, Host>(
  UpdateRaftVoter,
  [0, 0],
  async (request, _, host) => {
    const { replica, leadership } = host.quorum.rpc
    const say = (error: ErrorName) => answer(replica, error)
    if (!isForUs(replica, request)) return failure('INCONSISTENT_CLUSTER_ID')
    const led = leadership()
    const { epoch } = replica.role().context
    if (request.currentLeaderEpoch < epoch) return say('FENCED_LEADER_EPOCH')
    if (request.currentLeaderEpoch > epoch) return say('UNKNOWN_LEADER_EPOCH')
    if (led === undefined) return say('NOT_LEADER_OR_FOLLOWER')
    if (replica.voterSets.kraftVersion() < 1) return say('UNSUPPORTED_VERSION')

    const set = voters(replica)
    const changed = withUpdate(set, request)
    if (changed === undefined) return say('VOTER_NOT_FOUND')
    if (!isSound(request, replica)) return say('INVALID_REQUEST')
    if (JSON.stringify(changed) === JSON.stringify(set)) return say('NONE')
    if (!led.mayChangeVoters()) return say('REQUEST_TIMED_OUT')
    try {
      await host.quorum.committed(led.appendVoters(changed))
      return say('NONE')
    } catch (error) {
      if (!(error instanceof NotLeaderError)) throw error
      return say('NOT_LEADER_OR_FOLLOWER')
    }
  },
  (_, error) => failure(error),
)

function withUpdate(set: Voter[], asked: Asked): Voter[] | undefined {
  const key = { id: asked.voterId, directoryId: asked.voterDirectoryId }
  const { minSupportedVersion: min, maxSupportedVersion: max } = asked.kRaftVersionFeature
  if (!set.some((voter) => isSame(voter, key))) return undefined
  return set.map((voter) =>
    isSame(voter, key)
      ? { ...voter, endpoints: asked.listeners, kraftVersion: { min, max } }
      : voter,
  )
}

/** A voter without endpoints, or without the kraft.version in force, would be of no use. */
function isSound({ listeners, kRaftVersionFeature: range }: Asked, { voterSets }: Replica) {
  const level = voterSets.kraftVersion()
  return (
    listeners.length > 0 && range.minSupportedVersion <= level && level <= range.maxSupportedVersion
  )
}

function answer(replica: Replica, error: ErrorName): Answer {
  const { leaderId, epoch: leaderEpoch } = saidLeader(replica)
  const [endpoint] = endpointsOf(replica, leaderId)
  const { host, port } = endpoint ?? { host: '', port: 0 }
  return { ...failure(error), currentLeader: { leaderId, leaderEpoch, host, port } }
}

const failure = (error: ErrorName): Answer => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[error],
  currentLeader: { leaderId: -1, leaderEpoch: -1, host: '', port: 0 },
})
