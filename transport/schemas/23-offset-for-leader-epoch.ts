import { api } from '../protocol/api.ts'
import { array, ignorable, int16, int32, int64, since, string } from '../protocol/schema.ts'

/**
 * Tells where a leader epoch ends, so that a follower or consumer finds where logs diverge
 * (KIP-101, KIP-320).
 */
export const OffsetForLeaderEpoch = api(
  { key: 23, name: 'OffsetForLeaderEpoch', versions: [2, 4], flexible: 4, listeners: ['broker'] },
  {
    replicaId: ignorable(since(3, int32, -2)),
    topics: array({
      topic: string,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32,
        leaderEpoch: int32,
      }),
    }),
  },
  {
    throttleTimeMs: int32,
    topics: array({
      topic: string,
      partitions: array({
        errorCode: int16,
        partition: int32,
        leaderEpoch: int32,
        endOffset: int64,
      }),
    }),
  },
)
