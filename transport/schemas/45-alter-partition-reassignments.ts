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
} from '../protocol/schema.ts'

/** Starts or cancels the move of partitions to other replicas (KIP-455). */
export const AlterPartitionReassignments = api(
  {
    key: 45,
    name: 'AlterPartitionReassignments',
    versions: [0, 1],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    timeoutMs: int32,
    allowReplicationFactorChange: since(1, boolean, true),
    topics: array({
      name: string,
      partitions: array({ partitionIndex: int32, replicas: nullable(array(int32)) }),
    }),
  },
  {
    throttleTimeMs: int32,
    allowReplicationFactorChange: ignorable(since(1, boolean, true)),
    errorCode: int16,
    errorMessage: nullable(string),
    responses: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    }),
  },
)
