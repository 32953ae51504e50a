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
  since,
  string,
  uuid,
} from '../protocol/schema.ts'

/** A member of a share group acknowledges records that it acquired (KIP-932). */
export const ShareAcknowledge = api(
  { key: 79, name: 'ShareAcknowledge', versions: [1, 2], flexible: 0, listeners: ['broker'] },
  {
    groupId: nullable(string),
    memberId: nullable(string),
    shareSessionEpoch: int32,
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
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    acquisitionLockTimeoutMs: ignorable(since(2, int32)),
    responses: array({
      topicId: uuid,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: nullable(string),
        currentLeader: { leaderId: int32, leaderEpoch: int32 },
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
