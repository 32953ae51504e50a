import { api } from '../protocol/api.ts'
import { array, int8, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Removes the access control entries that match filters (KIP-140, KIP-290). */
export const DeleteAcls = api(
  {
    key: 31,
    name: 'DeleteAcls',
    versions: [1, 3],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    filters: array({
      resourceTypeFilter: int8,
      resourceNameFilter: nullable(string),
      patternTypeFilter: int8,
      principalFilter: nullable(string),
      hostFilter: nullable(string),
      operation: int8,
      permissionType: int8,
    }),
  },
  {
    throttleTimeMs: int32,
    filterResults: array({
      errorCode: int16,
      errorMessage: nullable(string),
      matchingAcls: array({
        errorCode: int16,
        errorMessage: nullable(string),
        resourceType: int8,
        resourceName: string,
        patternType: int8,
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
)
