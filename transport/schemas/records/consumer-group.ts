/**
 * What `__consumer_offsets` holds of consumer groups (KIP-848). An int16 leads both: in the key
 * it is the type, in the value the version.
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  bytes,
  hash64,
  int8,
  int32,
  int64,
  millis,
  nullable,
  string,
  tagged,
  uuid,
} from '../../protocol/schema.ts'

/** Key of a consumer group. */
export const ConsumerGroupMetadataKey = record(
  { name: 'ConsumerGroupMetadataKey', key: 3, versions: [0, 0] },
  { groupId: string },
)

/** A consumer group's epoch, and a hash of the topics it subscribes to. */
export const ConsumerGroupMetadataValue = record(
  { name: 'ConsumerGroupMetadataValue', key: 3, versions: [0, 0], flexible: 0 },
  { epoch: int32, metadataHash: tagged(0, hash64) },
)

/** Key of what a consumer group knows of its topics. */
export const ConsumerGroupPartitionMetadataKey = record(
  { name: 'ConsumerGroupPartitionMetadataKey', key: 4, versions: [0, 0] },
  { groupId: string },
)

/** What a consumer group knew of its topics, before hashes. */
export const ConsumerGroupPartitionMetadataValue = record(
  { name: 'ConsumerGroupPartitionMetadataValue', key: 4, versions: [0, 0], flexible: 0 },
  {
    topics: array({
      topicId: uuid,
      topicName: string,
      numPartitions: int32,
      partitionMetadata: array({ partition: int32, racks: array(string) }),
    }),
  },
)

/** Key of a consumer group's member. */
export const ConsumerGroupMemberMetadataKey = record(
  { name: 'ConsumerGroupMemberMetadataKey', key: 5, versions: [0, 0] },
  { groupId: string, memberId: string },
)

/** A consumer group's member: where it is and what it subscribes to. */
export const ConsumerGroupMemberMetadataValue = record(
  { name: 'ConsumerGroupMemberMetadataValue', key: 5, versions: [0, 0], flexible: 0 },
  {
    instanceId: nullable(string),
    rackId: nullable(string),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
    subscribedTopicRegex: nullable(string),
    rebalanceTimeoutMs: int32,
    serverAssignor: nullable(string),
    classicMemberMetadata: tagged(
      0,
      nullable({
        sessionTimeoutMs: int32,
        supportedProtocols: array({ name: string, metadata: bytes }),
      }),
    ),
  },
)

/** Key of a consumer group's target assignment. */
export const ConsumerGroupTargetAssignmentMetadataKey = record(
  { name: 'ConsumerGroupTargetAssignmentMetadataKey', key: 6, versions: [0, 0] },
  { groupId: string },
)

/** The group epoch that a consumer group's target assignment was made for. */
export const ConsumerGroupTargetAssignmentMetadataValue = record(
  { name: 'ConsumerGroupTargetAssignmentMetadataValue', key: 6, versions: [0, 0], flexible: 0 },
  {
    assignmentEpoch: int32,
    assignmentTimestamp: tagged(0, millis),
  },
)

/** Key of what one member of a consumer group should own. */
export const ConsumerGroupTargetAssignmentMemberKey = record(
  { name: 'ConsumerGroupTargetAssignmentMemberKey', key: 7, versions: [0, 0] },
  { groupId: string, memberId: string },
)

/** What one member of a consumer group should own. */
export const ConsumerGroupTargetAssignmentMemberValue = record(
  { name: 'ConsumerGroupTargetAssignmentMemberValue', key: 7, versions: [0, 0], flexible: 0 },
  {
    topicPartitions: array({ topicId: uuid, partitions: array(int32) }),
  },
)

/** Key of what one member of a consumer group owns. */
export const ConsumerGroupCurrentMemberAssignmentKey = record(
  { name: 'ConsumerGroupCurrentMemberAssignmentKey', key: 8, versions: [0, 0] },
  { groupId: string, memberId: string },
)

const topicPartitions = {
  topicId: uuid,
  partitions: array(int32),
  assignmentEpochs: tagged(0, nullable(array(int32))),
}

/** What one member of a consumer group owns, and what it is giving up. */
export const ConsumerGroupCurrentMemberAssignmentValue = record(
  { name: 'ConsumerGroupCurrentMemberAssignmentValue', key: 8, versions: [0, 0], flexible: 0 },
  {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: array(topicPartitions),
    partitionsPendingRevocation: array(topicPartitions),
  },
)

/** Key of a regular expression that members subscribe by. */
export const ConsumerGroupRegularExpressionKey = record(
  { name: 'ConsumerGroupRegularExpressionKey', key: 16, versions: [0, 0] },
  { groupId: string, regularExpression: string },
)

/** The topics that a regular expression matched. */
export const ConsumerGroupRegularExpressionValue = record(
  { name: 'ConsumerGroupRegularExpressionValue', key: 16, versions: [0, 0], flexible: 0 },
  { topics: array(string), version: int64, timestamp: millis },
)
