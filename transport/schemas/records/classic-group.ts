/**
 * What `__consumer_offsets` holds of classic groups and of committed offsets. An int16 leads
 * both: in the key it is the type, in the value the version.
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  bytes,
  ignorable,
  int32,
  int64,
  millis,
  nullable,
  since,
  string,
  tagged,
  until,
  uuid,
} from '../../protocol/schema.ts'

/** Key of a committed offset, as old brokers wrote it. */
export const LegacyOffsetCommitKey = record(
  { name: 'LegacyOffsetCommitKey', key: 0, versions: [0, 0] },
  { group: string, topic: string, partition: int32 },
)

/** A committed offset, as old brokers wrote it. */
export const LegacyOffsetCommitValue = record(
  { name: 'LegacyOffsetCommitValue', key: 0, versions: [0, 0] },
  { offset: int64, metadata: string, commitTimestamp: millis },
)

/** Key of a committed offset. */
export const OffsetCommitKey = record(
  { name: 'OffsetCommitKey', key: 1, versions: [0, 0] },
  { group: string, topic: string, partition: int32 },
)

/** A committed offset. */
export const OffsetCommitValue = record(
  { name: 'OffsetCommitValue', key: 1, versions: [0, 4], flexible: 4 },
  {
    offset: int64,
    leaderEpoch: ignorable(since(3, int32, -1)),
    metadata: string,
    commitTimestamp: millis,
    expireTimestamp: ignorable(since(1, until(1, millis), -1)),
    topicId: ignorable(since(4, tagged(0, uuid))),
  },
)

/** Key of a classic group. */
export const GroupMetadataKey = record(
  { name: 'GroupMetadataKey', key: 2, versions: [0, 0] },
  { group: string },
)

const memberMetadata = {
  memberId: string,
  groupInstanceId: ignorable(since(3, nullable(string), null)),
  clientId: string,
  clientHost: string,
  rebalanceTimeout: ignorable(since(1, int32, -1)),
  sessionTimeout: int32,
  subscription: bytes,
  assignment: bytes,
}

/** A generation of a classic group: its members and their assignments. */
export const GroupMetadataValue = record(
  { name: 'GroupMetadataValue', key: 2, versions: [0, 4], flexible: 4 },
  {
    protocolType: string,
    generation: int32,
    protocol: nullable(string),
    leader: nullable(string),
    currentStateTimestamp: ignorable(since(2, millis, -1)),
    members: array(memberMetadata),
  },
)
