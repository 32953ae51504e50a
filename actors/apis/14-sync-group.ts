/**
 * SyncGroup v0-5: the leader hands in the assignment, every member takes its own.
 *
 * - Answered once the assignment is committed (G2); a rebalance meanwhile ends it.
 */
import type { Response } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { SyncGroup } from '../../transport/schemas/14-sync-group.ts'
import type { BrokerHost } from '../broker/types.ts'
import type { SyncOutcome } from '../group/members.ts'
import { syncError } from '../group/syncing.ts'
import { handler } from './handler.ts'

export const syncGroup = handler<typeof SyncGroup, BrokerHost>(
  SyncGroup,
  [0, 5],
  async (request, _, { groups }) => answer(await groups.syncGroup(request)),
  (_, error) => answer(syncError(error)),
)

const answer = (outcome: SyncOutcome): Response<typeof SyncGroup> => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[outcome.error],
  protocolType: outcome.protocolType,
  protocolName: outcome.protocolName,
  assignment: outcome.assignment,
})
