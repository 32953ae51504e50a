import { api } from '../protocol/api.ts'
import { array, int8, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Lists the access control entries that match a filter (KIP-140, KIP-290). */
export const DescribeAcls = api(
  {
    key: 29,
    name: 'DescribeAcls',
    versions: [1, 3],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    resourceTypeFilter: int8,
    resourceNameFilter: nullable(string),
    patternTypeFilter: int8,
    principalFilter: nullable(string),
    hostFilter: nullable(string),
    operation: int8,
    permissionType: int8,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    resources: array({
      resourceType: int8,
      resourceName: string,
      patternType: int8,
      acls: array({
        principal: string,
        host: string,
        operation: int8,
        permissionType: int8,
      }),
    }),
  },
)
