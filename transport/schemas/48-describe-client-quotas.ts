import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  float64,
  int8,
  int16,
  int32,
  nullable,
  string,
} from '../protocol/schema.ts'

/** Lists client quotas that match a filter (KIP-546). */
export const DescribeClientQuotas = api(
  { key: 48, name: 'DescribeClientQuotas', versions: [0, 1], flexible: 1, listeners: ['broker'] },
  {
    components: array({ entityType: string, matchType: int8, match: nullable(string) }),
    strict: boolean,
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    entries: nullable(
      array({
        entity: array({ entityType: string, entityName: nullable(string) }),
        values: array({ key: string, value: float64 }),
      }),
    ),
  },
)
