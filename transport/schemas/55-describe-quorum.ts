import { api } from '../protocol/api.ts'
import {
  array,
  ignorable,
  int16,
  int32,
  int64,
  millis,
  nullable,
  since,
  string,
  uint16,
  uuid,
} from '../protocol/schema.ts'

const replicaState = {
  replicaId: int32,
  replicaDirectoryId: since(2, uuid),
  logEndOffset: int64,
  lastFetchTimestamp: ignorable(since(1, millis, -1)),
  lastCaughtUpTimestamp: ignorable(since(1, millis, -1)),
}

/**
 * Shows leader, voters and observers of the metadata quorum and how far each has read (KIP-595,
 * KIP-836, KIP-853).
 */
export const DescribeQuorum = api(
  {
    key: 55,
    name: 'DescribeQuorum',
    versions: [0, 2],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    topics: array({
      topicName: string,
      partitions: array({ partitionIndex: int32 }),
    }),
  },
  {
    errorCode: int16,
    errorMessage: ignorable(since(2, nullable(string))),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: ignorable(since(2, nullable(string))),
        leaderId: int32,
        leaderEpoch: int32,
        highWatermark: int64,
        currentVoters: array(replicaState),
        observers: array(replicaState),
      }),
    }),
    nodes: since(
      2,
      array({
        nodeId: int32,
        listeners: array({ name: string, host: string, port: uint16 }),
      }),
    ),
  },
)
