import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
} from '../protocol/schema.ts'

/** Commits a group's offsets as a part of a transaction (KIP-98). */
export const TxnOffsetCommit = api(
  { key: 28, name: 'TxnOffsetCommit', versions: [0, 5], flexible: 3, listeners: ['broker'] },
  {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationId: since(3, int32, -1),
    memberId: since(3, string),
    groupInstanceId: since(3, nullable(string), null),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: ignorable(since(2, int32, -1)),
        committedMetadata: nullable(string),
      }),
    }),
  },
  {
    throttleTimeMs: int32,
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
)
