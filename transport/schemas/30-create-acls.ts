import { api } from '../protocol/api.ts'
import { array, int8, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Adds access control entries (KIP-140, KIP-290). */
export const CreateAcls = api(
  {
    key: 30,
    name: 'CreateAcls',
    versions: [1, 3],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    creations: array({
      resourceType: int8,
      resourceName: string,
      resourcePatternType: int8,
      principal: string,
      host: string,
      operation: int8,
      permissionType: int8,
    }),
  },
  {
    throttleTimeMs: int32,
    results: array({ errorCode: int16, errorMessage: nullable(string) }),
  },
)
