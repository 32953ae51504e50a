import { api } from '../protocol/api.ts'
import { array, ignorable, int16, int32, since, string } from '../protocol/schema.ts'

/** Lists the groups that a broker coordinates (KIP-518 by state, KIP-848 by type). */
export const ListGroups = api(
  { key: 16, name: 'ListGroups', versions: [0, 5], flexible: 3, listeners: ['broker'] },
  {
    statesFilter: since(4, array(string)),
    typesFilter: since(5, array(string)),
  },
  {
    throttleTimeMs: ignorable(since(1, int32)),
    errorCode: int16,
    groups: array({
      groupId: string,
      protocolType: string,
      groupState: ignorable(since(4, string)),
      groupType: ignorable(since(5, string)),
    }),
  },
)
