/**
 * What `__consumer_offsets` holds of streams groups (KIP-1071). An int16 leads both: in the key
 * it is the type, in the value the version.
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  hash64,
  int8,
  int16,
  int32,
  millis,
  nullable,
  string,
  tagged,
  uint16,
} from '../../protocol/schema.ts'

/** Key of a streams group. */
export const StreamsGroupMetadataKey = record(
  { name: 'StreamsGroupMetadataKey', key: 17, versions: [0, 0] },
  { groupId: string },
)

const lastAssignmentConfig = { key: string, value: string }

/** A streams group's epoch, and hashes of what its assignment rests on. */
export const StreamsGroupMetadataValue = record(
  { name: 'StreamsGroupMetadataValue', key: 17, versions: [0, 0], flexible: 0 },
  {
    epoch: int32,
    metadataHash: hash64,
    validatedTopologyEpoch: tagged(0, int32, -1),
    lastAssignmentConfigs: tagged(1, nullable(array(lastAssignmentConfig))),
  },
)

/** Key of a streams group's member. */
export const StreamsGroupMemberMetadataKey = record(
  { name: 'StreamsGroupMemberMetadataKey', key: 19, versions: [0, 0] },
  { groupId: string, memberId: string },
)

const endpoint = { host: string, port: uint16 }

const keyValue = { key: string, value: string }

/** A streams group's member: where it is and what it runs. */
export const StreamsGroupMemberMetadataValue = record(
  { name: 'StreamsGroupMemberMetadataValue', key: 19, versions: [0, 0], flexible: 0 },
  {
    instanceId: nullable(string),
    rackId: nullable(string),
    clientId: string,
    clientHost: string,
    rebalanceTimeoutMs: int32,
    topologyEpoch: int32,
    processId: string,
    userEndpoint: nullable(endpoint),
    clientTags: array(keyValue),
  },
)

/** Key of a streams group's target assignment. */
export const StreamsGroupTargetAssignmentMetadataKey = record(
  { name: 'StreamsGroupTargetAssignmentMetadataKey', key: 20, versions: [0, 0] },
  { groupId: string },
)

/** The group epoch that a streams group's target assignment was made for. */
export const StreamsGroupTargetAssignmentMetadataValue = record(
  { name: 'StreamsGroupTargetAssignmentMetadataValue', key: 20, versions: [0, 0], flexible: 0 },
  {
    assignmentEpoch: int32,
    assignmentTimestamp: tagged(0, millis),
  },
)

/** Key of the tasks that one member of a streams group should run. */
export const StreamsGroupTargetAssignmentMemberKey = record(
  { name: 'StreamsGroupTargetAssignmentMemberKey', key: 21, versions: [0, 0] },
  { groupId: string, memberId: string },
)

const taskIds = { subtopologyId: string, partitions: array(int32) }

/** The tasks that one member of a streams group should run. */
export const StreamsGroupTargetAssignmentMemberValue = record(
  { name: 'StreamsGroupTargetAssignmentMemberValue', key: 21, versions: [0, 0], flexible: 0 },
  {
    activeTasks: array(taskIds),
    standbyTasks: array(taskIds),
    warmupTasks: array(taskIds),
  },
)

/** Key of the tasks that one member of a streams group runs. */
export const StreamsGroupCurrentMemberAssignmentKey = record(
  { name: 'StreamsGroupCurrentMemberAssignmentKey', key: 22, versions: [0, 0] },
  { groupId: string, memberId: string },
)

const streamsGroupCurrentMemberAssignmentTaskIds = {
  subtopologyId: string,
  partitions: array(int32),
  assignmentEpochs: tagged(0, nullable(array(int32))),
}

/** The tasks that one member of a streams group runs, and those it is giving up. */
export const StreamsGroupCurrentMemberAssignmentValue = record(
  { name: 'StreamsGroupCurrentMemberAssignmentValue', key: 22, versions: [0, 0], flexible: 0 },
  {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    activeTasks: array(streamsGroupCurrentMemberAssignmentTaskIds),
    standbyTasks: array(streamsGroupCurrentMemberAssignmentTaskIds),
    warmupTasks: array(streamsGroupCurrentMemberAssignmentTaskIds),
    activeTasksPendingRevocation: array(streamsGroupCurrentMemberAssignmentTaskIds),
    standbyTasksPendingRevocation: array(streamsGroupCurrentMemberAssignmentTaskIds),
    warmupTasksPendingRevocation: array(streamsGroupCurrentMemberAssignmentTaskIds),
  },
)

/** Key of a streams group's topology. */
export const StreamsGroupTopologyKey = record(
  { name: 'StreamsGroupTopologyKey', key: 23, versions: [0, 0] },
  { groupId: string },
)

const topicConfig = { key: string, value: string }

const topicInfo = {
  name: string,
  partitions: int32,
  replicationFactor: int16,
  topicConfigs: array(topicConfig),
}

/** The topology that a streams group runs. */
export const StreamsGroupTopologyValue = record(
  { name: 'StreamsGroupTopologyValue', key: 23, versions: [0, 0], flexible: 0 },
  {
    epoch: int32,
    subtopologies: array({
      subtopologyId: string,
      sourceTopics: array(string),
      sourceTopicRegex: array(string),
      stateChangelogTopics: array(topicInfo),
      repartitionSinkTopics: array(string),
      repartitionSourceTopics: array(topicInfo),
      copartitionGroups: array({
        sourceTopics: array(int16),
        sourceTopicRegex: array(int16),
        repartitionSourceTopics: array(int16),
      }),
    }),
  },
)
