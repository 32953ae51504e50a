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

/** Shows state, protocol and members of classic groups. */
export const DescribeGroups = api(
  { key: 15, name: 'DescribeGroups', versions: [0, 6], flexible: 5, listeners: ['broker'] },
  {
    groups: array(string),
    includeAuthorizedOperations: since(3, boolean),
  },
  {
    throttleTimeMs: ignorable(since(1, int32)),
    groups: array({
      errorCode: int16,
      errorMessage: since(6, nullable(string), null),
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array({
        memberId: string,
        groupInstanceId: ignorable(since(4, nullable(string), null)),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes,
      }),
      authorizedOperations: since(3, int32, -2147483648),
    }),
  },
)
