import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  int64,
  millis,
  nullable,
  since,
  string,
  until,
  uuid,
} from '../protocol/schema.ts'

/** A group member stores how far it has read. */
export const OffsetCommit = api(
  { key: 8, name: 'OffsetCommit', versions: [2, 10], flexible: 8, listeners: ['broker'] },
  {
    groupId: string,
    generationIdOrMemberEpoch: int32,
    memberId: string,
    groupInstanceId: since(7, nullable(string), null),
    retentionTimeMs: ignorable(until(4, millis, -1)),
    topics: array({
      name: ignorable(until(9, string)),
      topicId: ignorable(since(10, uuid)),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: ignorable(since(6, int32, -1)),
        committedMetadata: nullable(string),
      }),
    }),
  },
  {
    throttleTimeMs: ignorable(since(3, int32)),
    topics: array({
      name: ignorable(until(9, string)),
      topicId: ignorable(since(10, uuid)),
      partitions: array({ partitionIndex: int32, errorCode: int16 }),
    }),
  },
)
