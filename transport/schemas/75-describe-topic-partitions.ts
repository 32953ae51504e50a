import { api } from '../protocol/api.ts'
import { array, boolean, int16, int32, nullable, string, uuid } from '../protocol/schema.ts'

const cursor = { topicName: string, partitionIndex: int32 }

/** Shows partitions of topics page by page, eligible leader replicas included (KIP-966). */
export const DescribeTopicPartitions = api(
  {
    key: 75,
    name: 'DescribeTopicPartitions',
    versions: [0, 0],
    flexible: 0,
    listeners: ['broker'],
  },
  {
    topics: array({ name: string }),
    responsePartitionLimit: int32,
    cursor: nullable(cursor),
  },
  {
    throttleTimeMs: int32,
    topics: array({
      errorCode: int16,
      name: nullable(string),
      topicId: uuid,
      isInternal: boolean,
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32,
        replicaNodes: array(int32),
        isrNodes: array(int32),
        eligibleLeaderReplicas: nullable(array(int32)),
        lastKnownElr: nullable(array(int32)),
        offlineReplicas: array(int32),
      }),
      topicAuthorizedOperations: int32,
    }),
    nextCursor: nullable(cursor),
  },
)
