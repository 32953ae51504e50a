import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  int16,
  int32,
  int64,
  nullable,
  string,
  uint16,
} from '../protocol/schema.ts'

const keyValue = { key: string, value: string }

const topicInfo = {
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: array(keyValue),
}

const endpoint = { host: string, port: uint16 }

const taskOffset = { subtopologyId: string, partition: int32, offset: int64 }

const taskIds = { subtopologyId: string, partitions: array(int32) }

const assignment = {
  activeTasks: array(taskIds),
  standbyTasks: array(taskIds),
  warmupTasks: array(taskIds),
}

/** Shows state, topology, members and tasks of streams groups (KIP-1071). */
export const StreamsGroupDescribe = api(
  { key: 89, name: 'StreamsGroupDescribe', versions: [0, 0], flexible: 0, listeners: ['broker'] },
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
      topology: nullable({
        epoch: int32,
        subtopologies: nullable(
          array({
            subtopologyId: string,
            sourceTopics: array(string),
            repartitionSinkTopics: array(string),
            stateChangelogTopics: array(topicInfo),
            repartitionSourceTopics: array(topicInfo),
          }),
        ),
      }),
      members: array({
        memberId: string,
        memberEpoch: int32,
        instanceId: nullable(string),
        rackId: nullable(string),
        clientId: string,
        clientHost: string,
        topologyEpoch: int32,
        processId: string,
        userEndpoint: nullable(endpoint),
        clientTags: array(keyValue),
        taskOffsets: array(taskOffset),
        taskEndOffsets: array(taskOffset),
        assignment,
        targetAssignment: assignment,
        isClassic: boolean,
      }),
      authorizedOperations: int32,
    }),
  },
)
