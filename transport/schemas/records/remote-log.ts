/**
 * What `__remote_log_metadata` holds (KIP-405).
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  boolean,
  bytes,
  int8,
  int32,
  int64,
  millis,
  nullable,
  string,
  tagged,
  uuid,
} from '../../protocol/schema.ts'

/** A segment in tiered storage. */
export const RemoteLogSegmentMetadataRecord = record(
  { name: 'RemoteLogSegmentMetadataRecord', key: 0, versions: [0, 0], flexible: 0 },
  {
    remoteLogSegmentId: {
      topicIdPartition: { name: string, id: uuid, partition: int32 },
      id: uuid,
    },
    startOffset: int64,
    endOffset: int64,
    brokerId: int32,
    maxTimestampMs: millis,
    eventTimestampMs: millis,
    segmentLeaderEpochs: array({ leaderEpoch: int32, offset: int64 }),
    segmentSizeInBytes: int32,
    customMetadata: nullable(bytes),
    remoteLogSegmentState: int8,
    txnIndexEmpty: tagged(0, boolean),
  },
)

/** The new state of a segment in tiered storage. */
export const RemoteLogSegmentMetadataUpdateRecord = record(
  { name: 'RemoteLogSegmentMetadataUpdateRecord', key: 1, versions: [0, 0], flexible: 0 },
  {
    remoteLogSegmentId: {
      topicIdPartition: { name: string, id: uuid, partition: int32 },
      id: uuid,
    },
    brokerId: int32,
    eventTimestampMs: millis,
    customMetadata: nullable(bytes),
    remoteLogSegmentState: int8,
  },
)

/** How far the deletion of a partition in tiered storage is. */
export const RemotePartitionDeleteMetadataRecord = record(
  { name: 'RemotePartitionDeleteMetadataRecord', key: 2, versions: [0, 0], flexible: 0 },
  {
    topicIdPartition: { name: string, id: uuid, partition: int32 },
    brokerId: int32,
    eventTimestampMs: millis,
    remotePartitionDeleteState: int8,
  },
)

/** A segment in tiered storage, as snapshots of its metadata list it. */
export const RemoteLogSegmentMetadataSnapshotRecord = record(
  { name: 'RemoteLogSegmentMetadataSnapshotRecord', key: 3, versions: [0, 0], flexible: 0 },
  {
    segmentId: uuid,
    startOffset: int64,
    endOffset: int64,
    brokerId: int32,
    maxTimestampMs: millis,
    eventTimestampMs: millis,
    segmentLeaderEpochs: array({ leaderEpoch: int32, offset: int64 }),
    segmentSizeInBytes: int32,
    customMetadata: nullable(bytes),
    remoteLogSegmentState: int8,
    txnIndexEmpty: tagged(0, boolean),
  },
)
