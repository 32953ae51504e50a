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
  uint16,
  uuid,
} from '../protocol/schema.ts'

/**
 * A starting broker tells the active controller who and where it is, and what it supports
 * (KIP-631).
 */
export const BrokerRegistration = api(
  { key: 62, name: 'BrokerRegistration', versions: [0, 4], flexible: 0, listeners: ['controller'] },
  {
    brokerId: int32,
    clusterId: string,
    incarnationId: uuid,
    listeners: array({
      name: string,
      host: string,
      port: uint16,
      securityProtocol: int16,
    }),
    features: array({
      name: string,
      minSupportedVersion: int16,
      maxSupportedVersion: int16,
    }),
    rack: nullable(string),
    isMigratingZkBroker: since(1, boolean),
    logDirs: ignorable(since(2, array(uuid))),
    previousBrokerEpoch: ignorable(since(3, int64, -1)),
  },
  {
    throttleTimeMs: int32,
    errorCode: int16,
    brokerEpoch: int64,
  },
)
