/**
 * LeaveGroup v0-5: members leave; from v3 several at once, static ones by their instance id (KIP-345).
 *
 * - Before v3 there is one member, and its error is the answer's.
 * - Whose leaving empties the group is answered once that is committed.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { LeaveGroup } from '../../transport/schemas/13-leave-group.ts'
import type { BrokerHost } from '../broker/types.ts'
import { handler } from './handler.ts'

const SEVERAL_SINCE = 3

export const leaveGroup = handler<typeof LeaveGroup, BrokerHost>(
  LeaveGroup,
  [0, 5],
  async (request, { apiVersion }, { groups }) => {
    const { left, error } = await groups.leaveGroup(request.groupId, leavers(request, apiVersion))
    if (error !== 'NONE') return answer(errorCodes[error])
    if (apiVersion < SEVERAL_SINCE) return answer(errorCodes[left[0]!.error])
    return answer(
      errorCodes.NONE,
      left.map((each) => ({
        memberId: each.memberId,
        groupInstanceId: each.groupInstanceId,
        errorCode: errorCodes[each.error],
      })),
    )
  },
  (_, error) => answer(errorCodes[error]),
)

const leavers = ({ memberId, members }: Request<typeof LeaveGroup>, apiVersion: number) =>
  apiVersion < SEVERAL_SINCE
    ? [{ memberId, groupInstanceId: null }]
    : members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }))

const answer = (
  errorCode: number,
  members: Response<typeof LeaveGroup>['members'] = [],
): Response<typeof LeaveGroup> => ({ throttleTimeMs: 0, errorCode, members })
