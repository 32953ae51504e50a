import { api } from '../protocol/api.ts'
import { array, boolean, int8, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Replaces all configurations of a resource at once (KIP-133). */
export const AlterConfigs = api(
  {
    key: 33,
    name: 'AlterConfigs',
    versions: [0, 2],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    resources: array({
      resourceType: int8,
      resourceName: string,
      configs: array({ name: string, value: nullable(string) }),
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
