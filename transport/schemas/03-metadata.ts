import { api } from '../protocol/api.ts'
import {
  array,
  boolean,
  ignorable,
  int16,
  int32,
  nullable,
  since,
  string,
  until,
  uuid,
} from '../protocol/schema.ts'

/** Tells a client which brokers there are, and which of them lead the partitions it asks for. */
export const Metadata = api(
  { key: 3, name: 'Metadata', versions: [0, 13], flexible: 9, listeners: ['broker'] },
  {
    topics: nullable(
      array({
        topicId: ignorable(since(10, uuid)),
        name: nullable(string, 10),
      }),
      1,
    ),
    allowAutoTopicCreation: since(4, boolean, true),
    includeClusterAuthorizedOperations: since(8, until(10, boolean)),
    includeTopicAuthorizedOperations: since(8, boolean),
  },
  {
    throttleTimeMs: ignorable(since(3, int32)),
    brokers: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: ignorable(since(1, nullable(string), null)),
    }),
    clusterId: ignorable(since(2, nullable(string), null)),
    controllerId: ignorable(since(1, int32, -1)),
    topics: array({
      errorCode: int16,
      name: nullable(string, 12),
      topicId: ignorable(since(10, uuid)),
      isInternal: ignorable(since(1, boolean)),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: ignorable(since(7, int32, -1)),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: ignorable(since(5, array(int32))),
      }),
      topicAuthorizedOperations: since(8, int32, -2147483648),
    }),
    clusterAuthorizedOperations: since(8, until(10, int32), -2147483648),
    errorCode: ignorable(since(13, int16)),
  },
)
