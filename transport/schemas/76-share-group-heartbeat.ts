import { api } from '../protocol/api.ts'
import { array, int16, int32, nullable, string, uuid } from '../protocol/schema.ts'

const topicPartitions = { topicId: uuid, partitions: array(int32) }

/** A member of a share group tells its state and learns its assignment (KIP-932). */
export const ShareGroupHeartbeat = api(
  { key: 76, name: 'ShareGroupHeartbeat', versions: [1, 1], flexible: 0, listeners: ['broker'] },
  {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    rackId: nullable(string),
    subscribedTopicNames: nullable(array(string)),
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
