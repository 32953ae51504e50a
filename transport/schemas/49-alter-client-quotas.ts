import { api } from '../protocol/api.ts'
import { array, boolean, float64, int16, int32, nullable, string } from '../protocol/schema.ts'

const entityData = { entityType: string, entityName: nullable(string) }

/** Sets and removes client quotas (KIP-546). */
export const AlterClientQuotas = api(
  {
    key: 49,
    name: 'AlterClientQuotas',
    versions: [0, 1],
    flexible: 1,
    listeners: ['broker', 'controller'],
  },
  {
    entries: array({
      entity: array(entityData),
      ops: array({ key: string, value: float64, remove: boolean }),
    }),
    validateOnly: boolean,
  },
  {
    throttleTimeMs: int32,
    entries: array({
      errorCode: int16,
      errorMessage: nullable(string),
      entity: array(entityData),
    }),
  },
)
