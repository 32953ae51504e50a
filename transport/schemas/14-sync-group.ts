import { api } from '../protocol/api.ts'
import {
  array,
  bytes,
  ignorable,
  int16,
  int32,
  nullable,
  since,
  string,
} from '../protocol/schema.ts'

/** The leader of a classic group hands in the assignment; every member takes its own. */
export const SyncGroup = api(
  { key: 14, name: 'SyncGroup', versions: [0, 5], flexible: 4, listeners: ['broker'] },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullable(string), null),
    protocolType: ignorable(since(5, nullable(string), null)),
    protocolName: ignorable(since(5, nullable(string), null)),
    assignments: array({ memberId: string, assignment: bytes }),
  },
  {
    throttleTimeMs: ignorable(since(1, int32)),
    errorCode: int16,
    protocolType: ignorable(since(5, nullable(string), null)),
    protocolName: ignorable(since(5, nullable(string), null)),
    assignment: bytes,
  },
)
