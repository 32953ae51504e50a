/**
 * What `__share_group_state` holds (KIP-932). An int16 leads both: in the key it is the type, in
 * the value the version.
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  int8,
  int16,
  int32,
  int64,
  millis,
  string,
  tagged,
  uuid,
} from '../../protocol/schema.ts'

/** Key of a share partition's state. */
export const ShareSnapshotKey = record(
  { name: 'ShareSnapshotKey', key: 0, versions: [0, 0] },
  { groupId: string, topicId: uuid, partition: int32 },
)

/** The state of a share partition, in full. */
export const ShareSnapshotValue = record(
  { name: 'ShareSnapshotValue', key: 0, versions: [0, 0], flexible: 0 },
  {
    snapshotEpoch: int32,
    stateEpoch: int32,
    leaderEpoch: int32,
    startOffset: int64,
    deliveryCompleteCount: tagged(0, int32, -1),
    createTimestamp: millis,
    writeTimestamp: millis,
    stateBatches: array({
      firstOffset: int64,
      lastOffset: int64,
      deliveryState: int8,
      deliveryCount: int16,
    }),
  },
)

/** Key of a change of a share partition's state. */
export const ShareUpdateKey = record(
  { name: 'ShareUpdateKey', key: 1, versions: [0, 0] },
  { groupId: string, topicId: uuid, partition: int32 },
)

/** What changed of a share partition's state since its last snapshot. */
export const ShareUpdateValue = record(
  { name: 'ShareUpdateValue', key: 1, versions: [0, 0], flexible: 0 },
  {
    snapshotEpoch: int32,
    leaderEpoch: int32,
    startOffset: int64,
    deliveryCompleteCount: tagged(0, int32, -1),
    stateBatches: array({
      firstOffset: int64,
      lastOffset: int64,
      deliveryState: int8,
      deliveryCount: int16,
    }),
  },
)
