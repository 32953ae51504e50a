/**
 * ListGroups v0-5: the groups that this broker coordinates, by state (v4) and type (v5).
 *
 * - All are classic groups. A state or type that is not known matches none.
 */
import { errorCodes } from '../../transport/protocol/errors.ts'
import { ListGroups } from '../../transport/schemas/16-list-groups.ts'
import type { BrokerHost } from '../broker/types.ts'
import { handler } from './handler.ts'

export const listGroups = handler<typeof ListGroups, BrokerHost>(
  ListGroups,
  [0, 5],
  ({ statesFilter, typesFilter }, _, { groups }) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    groups: groups.listGroups(statesFilter, typesFilter),
  }),
  (_, error) => ({ throttleTimeMs: 0, errorCode: errorCodes[error], groups: [] }),
)
