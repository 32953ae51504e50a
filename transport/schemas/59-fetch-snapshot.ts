import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  records,
  since,
  string,
  tagged,
  uint16,
  uuid,
} from '../protocol/schema.ts'

const snapshotId = { endOffset: int64, epoch: int32 }

/**
 * A replica that is too far behind reads a snapshot of the metadata log, piece by piece
 * (KIP-630).
 */
export const FetchSnapshot = api(
  { key: 59, name: 'FetchSnapshot', versions: [0, 1], flexible: 0, listeners: ['controller'] },
  {
    clusterId: tagged(0, nullable(string), null),
    replicaId: int32,
    maxBytes: int32,
    topics: array({
      name: string,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32,
        snapshotId,
        position: int64,
        replicaDirectoryId: ignorable(since(1, tagged(0, uuid))),
      }),
    }),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    topics: array({
      name: string,
      partitions: array({
        index: int32,
        errorCode: int16,
        snapshotId,
        currentLeader: tagged(0, { leaderId: int32, leaderEpoch: int32 }),
        size: int64,
        position: int64,
        unalignedRecords: records,
      }),
    }),
    nodeEndpoints: since(1, tagged(0, array({ nodeId: int32, host: string, port: uint16 }))),
  },
)
