import { api } from '../protocol/api.ts'
import { array, int16, int32, nullable, since, string, uuid } from '../protocol/schema.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

/** A member of a consumer group tells its state and learns its assignment (KIP-848). */
export const ConsumerGroupHeartbeat = api(
  { key: 68, name: 'ConsumerGroupHeartbeat', versions: [0, 1], flexible: 0, listeners: ['broker'] },
  {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    instanceId: nullable(string),
    rackId: nullable(string),
    rebalanceTimeoutMs: int32,
    subscribedTopicNames: nullable(array(string)),
    subscribedTopicRegex: since(1, nullable(string), null),
    serverAssignor: nullable(string),
    topicPartitions: nullable(array(topicPartitions)),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    memberId: nullable(string),
    memberEpoch: int32,
    heartbeatIntervalMs: int32,
    assignment: nullable({ topicPartitions: array(topicPartitions) }),
  },
)
