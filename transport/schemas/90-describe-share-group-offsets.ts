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
  uuid,
} from '../protocol/schema.ts'

/** Shows where share groups start to read (KIP-932). */
export const DescribeShareGroupOffsets = api(
  {
    key: 90,
    name: 'DescribeShareGroupOffsets',
    versions: [0, 1],
    flexible: 0,
    listeners: ['broker'],
  },
  {
    groups: array({
      groupId: string,
      topics: nullable(array({ topicName: string, partitions: array(int32) })),
    }),
  },
  {
    throttleTimeMs: int32,
    groups: array({
      groupId: string,
      topics: array({
        topicName: string,
        topicId: uuid,
        partitions: array({
          partitionIndex: int32,
          startOffset: int64,
          leaderEpoch: int32,
          lag: ignorable(since(1, int64, -1)),
          errorCode: int16,
          errorMessage: nullable(string),
        }),
      }),
      errorCode: int16,
      errorMessage: nullable(string),
    }),
  },
)
