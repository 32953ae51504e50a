import { api } from '../protocol/api.ts'
import { array, boolean, int8, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Sets, deletes, or edits single configurations of resources (KIP-339). */
export const IncrementalAlterConfigs = api(
  {
    key: 44,
    name: 'IncrementalAlterConfigs',
    versions: [0, 1],
    flexible: 1,
    listeners: ['broker', 'controller'],
  },
  {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configs: array({ name: string, configOperation: int8, value: nullable(string) }),
    }),
    validateOnly: boolean,
  },
  {
    throttleTimeMs: int32,
    responses: array({
      errorCode: int16,
      errorMessage: nullable(string),
      resourceType: int8,
      resourceName: string,
    }),
  },
)
