import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  LONG_MAX,
  nullable,
  records,
  since,
  string,
  tagged,
  until,
  uuid,
} from '../protocol/schema.ts'

/**
 * Consumers, followers and the metadata quorum's replicas read record batches from a leader
 * (KIP-227 sessions, KIP-595 quorum).
 */
export const Fetch = api(
  { key: 1, name: 'Fetch', versions: [4, 18], flexible: 12, listeners: ['broker', 'controller'] },
  {
    clusterId: ignorable(since(12, tagged(0, nullable(string)), null)),
    replicaId: until(14, int32, -1),
    replicaState: since(15, tagged(1, { replicaId: int32, replicaEpoch: int64 }), {
      replicaId: -1,
      replicaEpoch: -1,
    }),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    isolationLevel: int8,
    sessionId: ignorable(since(7, int32)),
    sessionEpoch: ignorable(since(7, int32, -1)),
    topics: array({
      topic: ignorable(until(12, string)),
      topicId: ignorable(since(13, uuid)),
      partitions: array({
        partition: int32,
        currentLeaderEpoch: ignorable(since(9, int32, -1)),
        fetchOffset: int64,
        lastFetchedEpoch: since(12, int32, -1),
        logStartOffset: ignorable(since(5, int64, -1)),
        partitionMaxBytes: int32,
        replicaDirectoryId: ignorable(since(17, tagged(0, uuid))),
        highWatermark: ignorable(since(18, tagged(1, int64), LONG_MAX)),
      }),
    }),
    forgottenTopicsData: since(
      7,
      array({
        topic: ignorable(until(12, string)),
        topicId: ignorable(since(13, uuid)),
        partitions: array(int32),
      }),
    ),
    rackId: ignorable(since(11, string)),
  },
  {
    throttleTimeMs: int32,
    errorCode: ignorable(since(7, int16)),
    sessionId: since(7, int32),
    responses: array({
      topic: ignorable(until(12, string)),
      topicId: ignorable(since(13, uuid)),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: int64,
        logStartOffset: ignorable(since(5, int64, -1)),
        divergingEpoch: since(12, tagged(0, { epoch: int32, endOffset: int64 }), {
          epoch: -1,
          endOffset: -1,
        }),
        currentLeader: since(12, tagged(1, { leaderId: int32, leaderEpoch: int32 }), {
          leaderId: -1,
          leaderEpoch: -1,
        }),
        snapshotId: since(12, tagged(2, { endOffset: int64, epoch: int32 }), {
          endOffset: -1,
          epoch: -1,
        }),
        abortedTransactions: nullable(array({ producerId: int64, firstOffset: int64 })),
        preferredReadReplica: since(11, int32, -1),
        records: nullable(records),
      }),
    }),
    nodeEndpoints: since(
      16,
      tagged(
        0,
        array({
          nodeId: int32,
          host: string,
          port: int32,
          rack: nullable(string),
        }),
      ),
    ),
  },
)
