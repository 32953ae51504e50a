import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  until,
  uuid,
} from '../protocol/schema.ts'

/** Tells the offsets that groups have committed (KIP-709: several groups at once). */
export const OffsetFetch = api(
  { key: 9, name: 'OffsetFetch', versions: [1, 10], flexible: 6, listeners: ['broker'] },
  {
    groupId: until(7, string),
    topics: until(7, nullable(array({ name: string, partitionIndexes: array(int32) }), 2)),
    groups: since(
      8,
      array({
        groupId: string,
        memberId: ignorable(since(9, nullable(string), null)),
        memberEpoch: ignorable(since(9, int32, -1)),
        topics: nullable(
          array({
            name: ignorable(until(9, string)),
            topicId: ignorable(since(10, uuid)),
            partitionIndexes: array(int32),
          }),
        ),
      }),
    ),
    requireStable: since(7, boolean),
  },
  {
    throttleTimeMs: ignorable(since(3, int32)),
    topics: until(
      7,
      array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          committedOffset: int64,
          committedLeaderEpoch: ignorable(since(5, int32, -1)),
          metadata: nullable(string),
          errorCode: int16,
        }),
      }),
    ),
    errorCode: ignorable(since(2, until(7, int16))),
    groups: since(
      8,
      array({
        groupId: string,
        topics: array({
          name: ignorable(until(9, string)),
          topicId: ignorable(since(10, uuid)),
          partitions: array({
            partitionIndex: int32,
            committedOffset: int64,
            committedLeaderEpoch: int32,
            metadata: nullable(string),
            errorCode: int16,
          }),
        }),
        errorCode: int16,
      }),
    ),
  },
)
