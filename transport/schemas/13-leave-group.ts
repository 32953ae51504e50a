import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  nullable,
  since,
  string,
  until,
} from '../protocol/schema.ts'

/** Members leave a classic group (KIP-345: also static ones, several at once). */
export const LeaveGroup = api(
  { key: 13, name: 'LeaveGroup', versions: [0, 5], flexible: 4, listeners: ['broker'] },
  {
    groupId: string,
    memberId: until(2, string),
    members: since(
      3,
      array({
        memberId: string,
        groupInstanceId: nullable(string),
        reason: ignorable(since(5, nullable(string), null)),
      }),
    ),
  },
  {
    throttleTimeMs: ignorable(since(1, int32)),
    errorCode: int16,
    members: since(
      3,
      array({
        memberId: string,
        groupInstanceId: nullable(string),
        errorCode: int16,
      }),
    ),
  },
)
