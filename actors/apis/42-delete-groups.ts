/**
 * DeleteGroups v0-2: empty groups go, with their offsets (KIP-229).
 *
 * - Each is answered once its tombstones are committed; one that fails harms no other.
 */
import { type ErrorName, errorCodes, KafkaError } from '../../transport/protocol/errors.ts'
import { DeleteGroups } from '../../transport/schemas/42-delete-groups.ts'
import type { BrokerHost } from '../broker/types.ts'
import type { GroupCoordinator } from '../group/types.ts'
import { handler } from './handler.ts'

export const deleteGroups = handler<typeof DeleteGroups, BrokerHost>(
  DeleteGroups,
  [0, 2],
  async ({ groupsNames }, _, { groups }) => ({
    throttleTimeMs: 0,
    results: await Promise.all(
      [...new Set(groupsNames)].map(async (groupId) => ({
        groupId,
        errorCode: errorCodes[await remove(groups, groupId)],
      })),
    ),
  }),
  ({ groupsNames }, error) => ({
    throttleTimeMs: 0,
    results: groupsNames.map((groupId) => ({ groupId, errorCode: errorCodes[error] })),
  }),
)

async function remove(groups: GroupCoordinator, groupId: string): Promise<ErrorName> {
  try {
    return await groups.deleteGroup(groupId)
  } catch (error) {
    if (error instanceof KafkaError) return error.code
    throw error
  }
}
