/**
 * Brokers and controllers register, and brokers are struck off (KIP-631, 858, 919, 1001).
 *
 * A broker's epoch is the offset of its registration record (M5). One incarnation of an id at a time:
 * another one is refused while the session of the first lives. A session that a new controller gave,
 * unheard, ends when another process holds the same log directories: their locks end with a process.
 */
import type { Request } from '../../transport/protocol/api.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import type { BrokerRegistration } from '../../transport/schemas/62-broker-registration.ts'
import type { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import type { ControllerRegistration } from '../../transport/schemas/70-controller-registration.ts'
import { isReservedDirectory } from '../metadata/directory-ids.ts'
import type { BrokerState } from '../metadata/image.ts'
import { brokerRecord, controllerRecord } from '../metadata/snapshot.ts'
import { type Cluster, checkBrokerEpoch, type Decision } from './cluster.ts'
import type { Controller } from './controller.ts'
import { offlineDirectoryRecords, reincarnationRecords, unregisterRecords } from './elections.ts'

type Registering = Request<typeof BrokerRegistration>
type Ports = Pick<Controller, 'hasSession' | 'isUnheard' | 'registered' | 'unregistered'>

/**
 * @returns the broker epoch
 * @throws KafkaError INCONSISTENT_CLUSTER_ID, DUPLICATE_BROKER_REGISTRATION, INVALID_REGISTRATION,
 *   UNSUPPORTED_VERSION
 */
export function registerBroker(
  cluster: Cluster,
  clusterId: string,
  request: Registering,
  ports: Ports,
): Decision<number> {
  const { brokerId, incarnationId } = request
  if (request.clusterId !== clusterId) {
    refuse('INCONSISTENT_CLUSTER_ID', `this is cluster ${clusterId}, not ${request.clusterId}`)
  }
  const known = cluster.image.brokers().get(brokerId)
  const sameIncarnation = known?.incarnationId === incarnationId
  const isAlive = known !== undefined && ports.hasSession(brokerId, known.epoch)
  const isReplaced = ports.isUnheard(brokerId) && holdsDirectoriesOf(request, known)
  if (isAlive && !sameIncarnation && !isReplaced) {
    refuse(
      'DUPLICATE_BROKER_REGISTRATION',
      `another incarnation of broker ${brokerId} is alive; try again when its session has ended`,
    )
  }
  if (request.isMigratingZkBroker) {
    refuse('BROKER_ID_NOT_REGISTERED', 'brokers of ZooKeeper clusters cannot register')
  }
  checkDirectories(cluster, request)
  checkFeatures(cluster, request)
  const cleanup =
    known === undefined || sameIncarnation ? [] : reincarnationRecords(cluster, brokerId)
  const offset = cluster.nextOffset() + cleanup.length
  const broker: BrokerState = {
    id: brokerId,
    epoch: sameIncarnation ? known.epoch : offset,
    incarnationId,
    endpoints: request.listeners,
    features: request.features.map(supportedRange),
    rack: request.rack,
    fenced: sameIncarnation ? known.fenced : true,
    inControlledShutdown: sameIncarnation && known.inControlledShutdown,
    logDirs: [...request.logDirs].sort(),
    isMigratingZkBroker: false,
  }
  return {
    records: [...cleanup, brokerRecord(broker)],
    answer: broker.epoch,
    applied: () => ports.registered(brokerId, offset),
  }
}

const holdsDirectoriesOf = ({ logDirs }: Registering, known: BrokerState | undefined): boolean =>
  known !== undefined &&
  known.logDirs.length > 0 &&
  known.logDirs.every((directory) => logDirs.includes(directory))

function checkDirectories({ image }: Cluster, { brokerId, logDirs }: Registering): void {
  const invalid = (why: string): never => refuse('INVALID_REGISTRATION', why)
  if (logDirs.length === 0) invalid('a broker names its log directories')
  if (new Set(logDirs).size < logDirs.length) invalid('a log directory is named twice')
  for (const directory of logDirs) {
    if (isReservedDirectory(directory)) invalid(`directory id ${directory} is reserved`)
    for (const other of image.brokers().values()) {
      if (other.id !== brokerId && other.logDirs.includes(directory)) {
        invalid(`broker ${other.id} has registered directory ${directory}`)
      }
    }
  }
}

/** Every feature that the cluster has finalized must be supported at its level. */
function checkFeatures({ image }: Cluster, { brokerId, features }: Registering): void {
  for (const [name, level] of image.features()) {
    const range = features.find((feature) => feature.name === name)
    if (range === undefined && name === 'metadata.version') {
      refuse('INVALID_REGISTRATION', 'a broker tells which metadata.version it supports')
    }
    const { minSupportedVersion: min, maxSupportedVersion: max } = range ?? {
      minSupportedVersion: 0,
      maxSupportedVersion: 0,
    }
    if (level < min || level > max) {
      refuse(
        'UNSUPPORTED_VERSION',
        `broker ${brokerId} supports ${name} ${min} to ${max}; the cluster is at ${level}`,
      )
    }
  }
}

const supportedRange = (range: Registering['features'][number]) => ({
  name: range.name,
  min: range.minSupportedVersion,
  max: range.maxSupportedVersion,
})

/** What a heartbeat says of failed directories, beside the session itself. */
export function reportOfflineDirectories(
  cluster: Cluster,
  { brokerId, brokerEpoch, offlineLogDirs }: Request<typeof BrokerHeartbeat>,
): Decision<undefined> {
  const broker = checkBrokerEpoch(cluster, brokerId, brokerEpoch)
  return { records: offlineDirectoryRecords(cluster, broker, offlineLogDirs), answer: undefined }
}

/** @throws KafkaError BROKER_ID_NOT_REGISTERED */
export function unregisterBroker(
  cluster: Cluster,
  brokerId: number,
  ports: Ports,
): Decision<undefined> {
  const broker =
    cluster.image.brokers().get(brokerId) ??
    refuse('BROKER_ID_NOT_REGISTERED', `broker ${brokerId} is not registered`)
  return {
    records: unregisterRecords(cluster, broker),
    answer: undefined,
    applied: () => ports.unregistered(brokerId),
  }
}

/** @throws KafkaError UNSUPPORTED_VERSION */
export function registerController(
  { image }: Cluster,
  request: Request<typeof ControllerRegistration>,
): Decision<undefined> {
  const { controllerId: id, incarnationId } = request
  if (request.zkMigrationReady) {
    refuse('INVALID_REGISTRATION', 'controllers of ZooKeeper migrations cannot register')
  }
  const level = image.features().get('metadata.version') ?? 0
  const range = request.features.find(({ name }) => name === 'metadata.version')
  if (range !== undefined && level > range.maxSupportedVersion) {
    refuse(
      'UNSUPPORTED_VERSION',
      `controller ${id} supports metadata.version up to ${range.maxSupportedVersion}, not ${level}`,
    )
  }
  const features = request.features.map(supportedRange)
  return {
    records: [controllerRecord({ id, incarnationId, endpoints: request.listeners, features })],
    answer: undefined,
  }
}

const producerIdsPerBlock = 1_000

/**
 * A block of producer ids that nobody was given before (I5).
 * @throws KafkaError STALE_BROKER_EPOCH
 */
export function allocateProducerIds(
  cluster: Cluster,
  brokerId: number,
  brokerEpoch: number,
): Decision<{ producerIdStart: number; producerIdLen: number }> {
  checkBrokerEpoch(cluster, brokerId, brokerEpoch)
  const producerIdStart = cluster.image.nextProducerId()
  const nextProducerId = producerIdStart + producerIdsPerBlock
  if (!Number.isSafeInteger(nextProducerId)) {
    refuse('UNKNOWN_SERVER_ERROR', 'all producer ids have been handed out')
  }
  return {
    records: [{ type: 'ProducerIdsRecord', brokerId, brokerEpoch, nextProducerId }],
    answer: { producerIdStart, producerIdLen: producerIdsPerBlock },
  }
}
