import { api } from '../protocol/api.ts'
import { array, ignorable, int8, int16, int32, since, string } from '../protocol/schema.ts'

/** Lists the resources that have configurations of their own (KIP-1000, KIP-1142). */
export const ListConfigResources = api(
  { key: 74, name: 'ListConfigResources', versions: [0, 1], flexible: 0, listeners: ['broker'] },
  {
    resourceTypes: since(1, array(int8)),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    configResources: array({
      resourceName: string,
      resourceType: ignorable(since(1, int8, 16)),
    }),
  },
)
