import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int8,
  int16,
  int32,
  nullable,
  since,
  string,
  uuid,
} from '../protocol/schema.ts'

const topicPartitions = { topicId: uuid, topicName: string, partitions: array(int32) }

const assignment = { topicPartitions: array(topicPartitions) }

/** Shows state, members and assignments of consumer groups (KIP-848). */
export const ConsumerGroupDescribe = api(
  { key: 69, name: 'ConsumerGroupDescribe', versions: [0, 1], flexible: 0, listeners: ['broker'] },
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
        instanceId: nullable(string),
        rackId: nullable(string),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        subscribedTopicRegex: nullable(string),
        assignment,
        targetAssignment: assignment,
        memberType: ignorable(since(1, int8, -1)),
      }),
      authorizedOperations: int32,
    }),
  },
)
