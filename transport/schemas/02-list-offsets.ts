import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  millis,
  since,
  string,
} from '../protocol/schema.ts'

/** Finds offsets of a partition by timestamp, or its earliest and latest one (KIP-79). */
export const ListOffsets = api(
  { key: 2, name: 'ListOffsets', versions: [1, 11], flexible: 6, listeners: ['broker'] },
  {
    replicaId: int32,
    isolationLevel: since(2, int8),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        currentLeaderEpoch: ignorable(since(4, int32, -1)),
        timestamp: millis,
      }),
    }),
    timeoutMs: ignorable(since(10, int32)),
  },
  {
    throttleTimeMs: ignorable(since(2, int32)),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        timestamp: millis,
        offset: int64,
        leaderEpoch: since(4, int32, -1),
      }),
    }),
  },
)
