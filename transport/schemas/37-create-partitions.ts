import { api } from '../protocol/api.ts'
import { array, boolean, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Adds partitions to topics (KIP-195). */
export const CreatePartitions = api(
  {
    key: 37,
    name: 'CreatePartitions',
    versions: [0, 3],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    topics: array({
      name: string,
      count: int32,
      assignments: nullable(array({ brokerIds: array(int32) })),
    }),
    timeoutMs: int32,
    validateOnly: boolean,
  },
  {
    throttleTimeMs: int32,
    results: array({
      name: string,
      errorCode: int16,
      errorMessage: nullable(string),
    }),
  },
)
