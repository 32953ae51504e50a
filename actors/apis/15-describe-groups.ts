/**
 * DescribeGroups v0-6: state, protocol and members of groups, asked of their coordinator.
 *
 * - A group that does not exist is Dead; from v6 with GROUP_ID_NOT_FOUND.
 * - Nothing is authorized here, so everybody may do all that can be done to a group.
 */
import { errorCodes, KafkaError } from '../../transport/protocol/errors.ts'
import { DescribeGroups } from '../../transport/schemas/15-describe-groups.ts'
import type { BrokerHost } from '../broker/types.ts'
import { undescribed } from '../group/describe-groups.ts'
import type { GroupCoordinator } from '../group/types.ts'
import { handler } from './handler.ts'

/** Bits of READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS. */
const GROUP_OPERATIONS = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)

export const describeGroups = handler<typeof DescribeGroups, BrokerHost>(
  DescribeGroups,
  [0, 6],
  (request, { apiVersion }, { groups }) => ({
    throttleTimeMs: 0,
    groups: request.groups.map((groupId) => {
      const group = describe(groups, groupId, apiVersion)
      const tellOperations =
        request.includeAuthorizedOperations && group.errorCode === errorCodes.NONE
      return tellOperations ? { ...group, authorizedOperations: GROUP_OPERATIONS } : group
    }),
  }),
  (request, error) => ({
    throttleTimeMs: 0,
    groups: request.groups.map((groupId) => undescribed(groupId, error)),
  }),
)

function describe(groups: GroupCoordinator, groupId: string, apiVersion: number) {
  try {
    return groups.describeGroup(groupId, apiVersion)
  } catch (error) {
    if (error instanceof KafkaError) return undescribed(groupId, error.code)
    throw error
  }
}
