/**
 * Metadata records about the cluster: brokers, controllers, features and the log itself
 * (KIP-631).
 */
import { record } from '../../protocol/record.ts'
import {
  array,
  boolean,
  int8,
  int16,
  int32,
  int64,
  nullable,
  since,
  string,
  tagged,
  uint16,
  uuid,
} from '../../protocol/schema.ts'

/**
 * A broker's incarnation, endpoints, features and log directories; its offset becomes the broker
 * epoch.
 */
export const RegisterBrokerRecord = record(
  { name: 'RegisterBrokerRecord', key: 0, versions: [0, 4], flexible: 0 },
  {
    brokerId: int32,
    isMigratingZkBroker: since(2, boolean),
    incarnationId: uuid,
    brokerEpoch: int64,
    endPoints: array({
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
    fenced: boolean,
    inControlledShutdown: since(1, boolean),
    logDirs: since(3, tagged(0, array(uuid))),
    cordonedLogDirs: since(4, tagged(1, nullable(array(uuid))), null),
  },
)

/** A broker is gone for good. */
export const UnregisterBrokerRecord = record(
  { name: 'UnregisterBrokerRecord', key: 1, versions: [0, 0], flexible: 0 },
  { brokerId: int32, brokerEpoch: int64 },
)

/** A broker is fenced; before BrokerRegistrationChangeRecord. */
export const FenceBrokerRecord = record(
  { name: 'FenceBrokerRecord', key: 7, versions: [0, 0], flexible: 0 },
  { id: int32, epoch: int64 },
)

/** A broker is unfenced; before BrokerRegistrationChangeRecord. */
export const UnfenceBrokerRecord = record(
  { name: 'UnfenceBrokerRecord', key: 8, versions: [0, 0], flexible: 0 },
  { id: int32, epoch: int64 },
)

/**
 * What changes of a registered broker: fencing, controlled shutdown, log directories. 0 and
 * absent: as it was.
 */
export const BrokerRegistrationChangeRecord = record(
  { name: 'BrokerRegistrationChangeRecord', key: 17, versions: [0, 3], flexible: 0 },
  {
    brokerId: int32,
    brokerEpoch: int64,
    fenced: tagged(0, int8),
    inControlledShutdown: since(1, tagged(1, int8)),
    logDirs: since(2, tagged(2, array(uuid))),
    cordonedLogDirs: since(3, tagged(3, nullable(array(uuid))), null),
  },
)

/** A controller's incarnation, endpoints and features. */
export const RegisterControllerRecord = record(
  { name: 'RegisterControllerRecord', key: 27, versions: [0, 0], flexible: 0 },
  {
    controllerId: int32,
    incarnationId: uuid,
    zkMigrationReady: boolean,
    endPoints: array({
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
  },
)

/** A block of producer ids is given out; the next one starts at `nextProducerId`. */
export const ProducerIdsRecord = record(
  { name: 'ProducerIdsRecord', key: 15, versions: [0, 0], flexible: 0 },
  { brokerId: int32, brokerEpoch: int64, nextProducerId: int64 },
)

/** A feature is finalized at a level. */
export const FeatureLevelRecord = record(
  { name: 'FeatureLevelRecord', key: 12, versions: [0, 0], flexible: 0 },
  { name: string, featureLevel: int16 },
)

/** Keeps the log moving when nothing else does. */
export const NoOpRecord = record({ name: 'NoOpRecord', key: 20, versions: [0, 0], flexible: 0 }, {})

/** How far a cluster got on its way from ZooKeeper. */
export const ZkMigrationStateRecord = record(
  { name: 'ZkMigrationStateRecord', key: 21, versions: [0, 0], flexible: 0 },
  { zkMigrationState: int8 },
)

/** What follows counts only together, from here to the end of the metadata transaction. */
export const BeginTransactionRecord = record(
  { name: 'BeginTransactionRecord', key: 23, versions: [0, 0], flexible: 0 },
  { name: tagged(0, nullable(string), null) },
)

/** The metadata transaction counts. */
export const EndTransactionRecord = record(
  { name: 'EndTransactionRecord', key: 24, versions: [0, 0], flexible: 0 },
  {},
)

/** The metadata transaction never was. */
export const AbortTransactionRecord = record(
  { name: 'AbortTransactionRecord', key: 25, versions: [0, 0], flexible: 0 },
  { reason: tagged(0, nullable(string), null) },
)
