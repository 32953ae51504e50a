import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int8,
  int16,
  int32,
  int64,
  nullable,
  records,
  since,
  string,
  uuid,
} from '../protocol/schema.ts'

/** A member of a share group acquires records, and acknowledges earlier ones (KIP-932). */
export const ShareFetch = api(
  { key: 78, name: 'ShareFetch', versions: [1, 2], flexible: 0, listeners: ['broker'] },
  {
    groupId: nullable(string),
    memberId: nullable(string),
    shareSessionEpoch: int32,
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32,
    maxRecords: int32,
    batchSize: int32,
    shareAcquireMode: ignorable(since(2, int8)),
    isRenewAck: since(2, boolean),
    topics: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        acknowledgementBatches: array({
          firstOffset: int64,
          lastOffset: int64,
          acknowledgeTypes: array(int8),
        }),
      }),
    }),
    forgottenTopicsData: array({ topicId: uuid, partitions: array(int32) }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    acquisitionLockTimeoutMs: int32,
    responses: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: nullable(string),
        acknowledgeErrorCode: int16,
        acknowledgeErrorMessage: nullable(string),
        currentLeader: { leaderId: int32, leaderEpoch: int32 },
        records,
        acquiredRecords: array({ firstOffset: int64, lastOffset: int64, deliveryCount: int16 }),
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: nullable(string),
    }),
  },
)
