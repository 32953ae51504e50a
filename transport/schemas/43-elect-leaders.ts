import { api } from '../protocol/api.ts'
import { array, int8, int16, int32, nullable, since, string } from '../protocol/schema.ts'

/** Asks for the election of preferred or, uncleanly, of any live leaders (KIP-183, KIP-460). */
export const ElectLeaders = api(
  {
    key: 43,
    name: 'ElectLeaders',
    versions: [0, 2],
    flexible: 2,
    listeners: ['broker', 'controller'],
  },
  {
    electionType: since(1, int8),
    topicPartitions: nullable(array({ topic: string, partitions: array(int32) })),
    timeoutMs: int32,
  },
  {
    throttleTimeMs: int32,
    errorCode: since(1, int16),
    replicaElectionResults: array({
      topic: string,
      partitionResult: array({
        partitionId: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    }),
  },
)
