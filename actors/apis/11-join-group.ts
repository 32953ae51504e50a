/**
 * JoinGroup v0-9: a member enters a group, and hears of the generation it is in once all have come.
 *
 * - v4 and later get their member id with MEMBER_ID_REQUIRED first (KIP-394), unless they are static.
 * - A refusal names no protocol: null from v7 on, which older versions cannot carry.
 * - Before v1 a rebalance waits for a member as long as its session lasts.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { JoinGroup } from '../../transport/schemas/11-join-group.ts'
import type { BrokerHost } from '../broker/types.ts'
import type { JoinOutcome } from '../group/members.ts'
import { type Asker, handler } from './handler.ts'

export const joinGroup = handler<typeof JoinGroup, BrokerHost>(
  JoinGroup,
  [0, 9],
  async (request, asker, { groups }) => answer(await groups.joinGroup(request, asker), asker),
  ({ memberId }, error, _, asker) => answer({ error, memberId }, asker),
)

function answer(outcome: JoinOutcome, { apiVersion }: Asker): Response<typeof JoinGroup> {
  const { error, memberId } = outcome
  if (!('leader' in outcome)) {
    return {
      throttleTimeMs: 0,
      errorCode: errorCodes[error],
      generationId: -1,
      protocolType: null,
      protocolName: apiVersion < 7 ? '' : null,
      leader: '',
      skipAssignment: false,
      memberId,
      members: [],
    }
  }
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    generationId: outcome.generationId,
    protocolType: outcome.protocolType,
    protocolName: outcome.protocolName ?? '',
    leader: outcome.leader,
    skipAssignment: outcome.skipAssignment,
    memberId,
    members: outcome.members,
  }
}
