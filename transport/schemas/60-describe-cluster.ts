import { api } from '../protocol/api.ts'
import { array, boolean, int8, int16, int32, nullable, since, string } from '../protocol/schema.ts'

/**
 * Lists the brokers, or on a controller listener the controllers, and the cluster id (KIP-700,
 * KIP-919).
 */
export const DescribeCluster = api(
  {
    key: 60,
    name: 'DescribeCluster',
    versions: [0, 2],
    flexible: 0,
    listeners: ['broker', 'controller'],
  },
  {
    includeClusterAuthorizedOperations: boolean,
    endpointType: since(1, int8, 1),
    includeFencedBrokers: since(2, boolean),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: nullable(string),
    endpointType: since(1, int8, 1),
    clusterId: string,
    controllerId: int32,
    brokers: array({
      brokerId: int32,
      host: string,
      port: int32,
      rack: nullable(string),
      isFenced: since(2, boolean),
    }),
    clusterAuthorizedOperations: int32,
  },
)
