import { api } from '../protocol/api.ts'
import { ignorable, int16, int32, nullable, since, string } from '../protocol/schema.ts'

/** A member of a classic group says that it lives, and learns of rebalances. */
export const Heartbeat = api(
  { key: 12, name: 'Heartbeat', versions: [0, 4], flexible: 4, listeners: ['broker'] },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullable(string), null),
  },
  {
    throttleTimeMs: ignorable(since(1, int32)),
    errorCode: int16,
  },
)
