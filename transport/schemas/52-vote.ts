import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  tagged,
  uint16,
  uuid,
} from '../protocol/schema.ts'

/** A candidate, or a prospective one, asks a voter for its vote (KIP-595, KIP-996). */
export const Vote = api(
  { key: 52, name: 'Vote', versions: [0, 2], flexible: 0, listeners: ['controller'] },
  {
    clusterId: nullable(string),
    voterId: ignorable(since(1, int32, -1)),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        replicaEpoch: int32,
        replicaId: int32,
        replicaDirectoryId: ignorable(since(1, uuid)),
        voterDirectoryId: ignorable(since(1, uuid)),
        lastOffsetEpoch: int32,
        lastOffset: int64,
        preVote: since(2, boolean),
      }),
    }),
  },
  {
    errorCode: int16,
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        leaderId: int32,
        leaderEpoch: int32,
        voteGranted: boolean,
      }),
    }),
    nodeEndpoints: since(1, tagged(0, array({ nodeId: int32, host: string, port: uint16 }))),
  },
)
