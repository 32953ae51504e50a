import { api } from '../protocol/api.ts'
import { array, boolean, int16, int32, nullable, string, uuid } from '../protocol/schema.ts'

const topicPartitions = { topicId: uuid, topicName: string, partitions: array(int32) }

const assignment = { topicPartitions: array(topicPartitions) }

/** Shows state, members and assignments of share groups (KIP-932). */
export const ShareGroupDescribe = api(
  { key: 77, name: 'ShareGroupDescribe', versions: [1, 1], flexible: 0, listeners: ['broker'] },
  {
    groupIds: array(string),
    includeAuthorizedOperations: boolean,
  },
  {
    throttleTimeMs: int32,
    groups: array({
      errorCode: int16,
      errorMessage: nullable(string),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: array({
        memberId: string,
        rackId: nullable(string),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        assignment,
      }),
      authorizedOperations: int32,
    }),
  },
)
