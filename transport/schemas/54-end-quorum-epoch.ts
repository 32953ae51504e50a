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
  until,
  uuid,
} from '../protocol/schema.ts'

/** A leader that resigns tells voters who should succeed it (KIP-595, KIP-853). */
export const EndQuorumEpoch = api(
  { key: 54, name: 'EndQuorumEpoch', versions: [0, 1], flexible: 1, listeners: ['controller'] },
  {
    clusterId: nullable(string),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32,
        preferredSuccessors: ignorable(until(0, array(int32))),
        preferredCandidates: ignorable(
          since(1, array({ candidateId: int32, candidateDirectoryId: uuid })),
        ),
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
