/**
 * What `__consumer_offsets` holds of share groups (KIP-932). An int16 leads both: in the key it
 * is the type, in the value the version.
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  hash64,
  int8,
  int32,
  millis,
  nullable,
  string,
  tagged,
  uuid,
} from '../../protocol/schema.ts'

/** Key of a share group's member. */
export const ShareGroupMemberMetadataKey = record(
  { name: 'ShareGroupMemberMetadataKey', key: 10, versions: [0, 0] },
  { groupId: string, memberId: string },
)

/** A share group's member: where it is and what it subscribes to. */
export const ShareGroupMemberMetadataValue = record(
  { name: 'ShareGroupMemberMetadataValue', key: 10, versions: [0, 0], flexible: 0 },
  {
    rackId: nullable(string),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
  },
)

/** Key of a share group. */
export const ShareGroupMetadataKey = record(
  { name: 'ShareGroupMetadataKey', key: 11, versions: [0, 0] },
  { groupId: string },
)

/** A share group's epoch, and a hash of the topics it subscribes to. */
export const ShareGroupMetadataValue = record(
  { name: 'ShareGroupMetadataValue', key: 11, versions: [0, 0], flexible: 0 },
  { epoch: int32, metadataHash: hash64 },
)

/** Key of a share group's target assignment. */
export const ShareGroupTargetAssignmentMetadataKey = record(
  { name: 'ShareGroupTargetAssignmentMetadataKey', key: 12, versions: [0, 0] },
  { groupId: string },
)

/** The group epoch that a share group's target assignment was made for. */
export const ShareGroupTargetAssignmentMetadataValue = record(
  { name: 'ShareGroupTargetAssignmentMetadataValue', key: 12, versions: [0, 0], flexible: 0 },
  {
    assignmentEpoch: int32,
    assignmentTimestamp: tagged(0, millis),
  },
)

/** Key of what one member of a share group should read. */
export const ShareGroupTargetAssignmentMemberKey = record(
  { name: 'ShareGroupTargetAssignmentMemberKey', key: 13, versions: [0, 0] },
  { groupId: string, memberId: string },
)

/** What one member of a share group should read. */
export const ShareGroupTargetAssignmentMemberValue = record(
  { name: 'ShareGroupTargetAssignmentMemberValue', key: 13, versions: [0, 0], flexible: 0 },
  {
    topicPartitions: array({ topicId: uuid, partitions: array(int32) }),
  },
)

/** Key of what one member of a share group reads. */
export const ShareGroupCurrentMemberAssignmentKey = record(
  { name: 'ShareGroupCurrentMemberAssignmentKey', key: 14, versions: [0, 0] },
  { groupId: string, memberId: string },
)

const topicPartitions = { topicId: uuid, partitions: array(int32) }

/** What one member of a share group reads. */
export const ShareGroupCurrentMemberAssignmentValue = record(
  { name: 'ShareGroupCurrentMemberAssignmentValue', key: 14, versions: [0, 0], flexible: 0 },
  {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: array(topicPartitions),
  },
)

/** Key of the share partitions whose state is prepared or deleted. */
export const ShareGroupStatePartitionMetadataKey = record(
  { name: 'ShareGroupStatePartitionMetadataKey', key: 15, versions: [0, 0] },
  { groupId: string },
)

const topicPartitionsInfo = { topicId: uuid, topicName: string, partitions: array(int32) }

const topicInfo = { topicId: uuid, topicName: string }

/** The share partitions whose state is prepared, ready or being deleted. */
export const ShareGroupStatePartitionMetadataValue = record(
  { name: 'ShareGroupStatePartitionMetadataValue', key: 15, versions: [0, 0], flexible: 0 },
  {
    initializingTopics: array(topicPartitionsInfo),
    initializedTopics: array(topicPartitionsInfo),
    deletingTopics: array(topicInfo),
  },
)
