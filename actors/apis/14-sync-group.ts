/**
 * SyncGroup v0-5: the leader hands in the assignment, every member takes its own.
 *
 * - From v5 on a member must say which protocol it takes the assignment for (KIP-559).
 * - Answered once the assignment is committed (G2); a rebalance meanwhile ends it.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { errorCodes, refuse } from '../../transport/protocol/errors.ts'
import { SyncGroup } from '../../transport/schemas/14-sync-group.ts'
import type { BrokerHost } from '../broker/types.ts'
import type { SyncOutcome } from '../group/members.ts'
import { syncError } from '../group/syncing.ts'
import { handler } from './handler.ts'

export const syncGroup = handler<typeof SyncGroup, BrokerHost>(
  SyncGroup,
  [0, 5],
  async (request, asker, { groups }) => {
    const { apiVersion } = asker
    if (apiVersion >= 5 && (request.protocolType === null || request.protocolName === null)) {
      refuse('INCONSISTENT_GROUP_PROTOCOL', 'protocol type and name are both given')
    }
    return answer(await groups.syncGroup(request, asker))
  },
  (_, error) => answer(syncError(error)),
)

const answer = (outcome: SyncOutcome): Response<typeof SyncGroup> => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[outcome.error],
  protocolType: outcome.protocolType,
  protocolName: outcome.protocolName,
  assignment: outcome.assignment,
})
