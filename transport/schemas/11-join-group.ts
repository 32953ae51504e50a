import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  bytes,
  ignorable,
  int16,
  int32,
  nullable,
  since,
  string,
} from '../protocol/schema.ts'

/** A member enters a classic group, or enters it again for the next generation. */
export const JoinGroup = api(
  { key: 11, name: 'JoinGroup', versions: [0, 9], flexible: 6, listeners: ['broker'] },
  {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: ignorable(since(1, int32, -1)),
    memberId: string,
    groupInstanceId: since(5, nullable(string), null),
    protocolType: string,
    protocols: array({ name: string, metadata: bytes }),
    reason: ignorable(since(8, nullable(string), null)),
  },
  {
    throttleTimeMs: ignorable(since(2, int32)),
    errorCode: int16,
    generationId: int32,
    protocolType: ignorable(since(7, nullable(string), null)),
    protocolName: nullable(string, 7),
    leader: string,
    skipAssignment: since(9, boolean),
    memberId: string,
    members: array({
      memberId: string,
      groupInstanceId: ignorable(since(5, nullable(string), null)),
      metadata: bytes,
    }),
  },
)
