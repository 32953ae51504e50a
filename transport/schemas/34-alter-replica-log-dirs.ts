import { api } from '../protocol/api.ts'
import { array, int16, int32, string } from '../protocol/schema.ts'

/** Moves replicas between the log directories of one broker (KIP-113). */
export const AlterReplicaLogDirs = api(
  { key: 34, name: 'AlterReplicaLogDirs', versions: [1, 2], flexible: 2, listeners: ['broker'] },
  {
    dirs: array({
      path: string,
      topics: array({ name: string, partitions: array(int32) }),
    }),
  },
  {
    throttleTimeMs: int32,
    results: array({
      topicName: string,
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
)
