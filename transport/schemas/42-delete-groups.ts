import { api } from '../protocol/api.ts'
import { array, int16, int32, string } from '../protocol/schema.ts'

/** Deletes empty groups and their offsets (KIP-229). */
export const DeleteGroups = api(
  { key: 42, name: 'DeleteGroups', versions: [0, 2], flexible: 2, listeners: ['broker'] },
  {
    groupsNames: array(string),
  },
  {
    throttleTimeMs: int32,
    results: array({ groupId: string, errorCode: int16 }),
  },
)
