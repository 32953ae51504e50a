import { api } from '../protocol/api.ts'
import { array, int16, int32, nullable, string } from '../protocol/schema.ts'

/** Lists the moves of partitions that are under way (KIP-455). */
export const ListPartitionReassignments = api(
  {
    key: 46,
    name: 'ListPartitionReassignments',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    timeoutMs: int32,
    topics: nullable(array({ name: string, partitionIndexes: array(int32) })),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        replicas: array(int32),
        addingReplicas: array(int32),
        removingReplicas: array(int32),
      }),
    }),
  },
)
