import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  nullable,
  since,
  string,
  tagged,
  uint16,
  uuid,
} from '../protocol/schema.ts'

/**
 * The new leader of the metadata quorum tells voters that its epoch has begun (KIP-595, KIP-853).
 */
export const BeginQuorumEpoch = api(
  { key: 53, name: 'BeginQuorumEpoch', versions: [0, 1], flexible: 1, listeners: ['controller'] },
  {
    clusterId: nullable(string),
    voterId: ignorable(since(1, int32, -1)),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        voterDirectoryId: ignorable(since(1, uuid)),
        leaderId: int32,
        leaderEpoch: int32,
      }),
    }),
    leaderEndpoints: ignorable(since(1, array({ name: string, host: string, port: uint16 }))),
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
      }),
    }),
    nodeEndpoints: since(1, tagged(0, array({ nodeId: int32, host: string, port: uint16 }))),
  },
)
