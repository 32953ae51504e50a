/**
 * The image as records again: what a snapshot holds (KIP-630), in one order, so that an image loaded
 * from a snapshot gives the same bytes when it is written (M2).
 *
 * A snapshot is written in slices while later records go on changing the image. What the image was
 * when the snapshot began is kept by setting a topic's records aside before its first change.
 */
import { createHash } from 'node:crypto'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { invariant } from '../invariant.ts'
import { type RecordOf, resourceTypes } from './apply.ts'
import type { MutableImage } from './create-image.ts'
import type { BrokerState, ControllerState, PartitionState } from './image.ts'
import { type ImageState, resourceOf, type TopicRow } from './state.ts'

const recordsPerSlice = 1_000

/**
 * What the image holds now, in slices. One at a time: a second call ends the first.
 * Whoever gives up before the end calls `return()` of the iterator.
 */
export function toRecords(image: MutableImage): IterableIterator<MetadataRecord[]> {
  const { state } = image
  const topics = [...state.topicsById.values()]
  const before = [...featureRecords(state), ...brokerRecords(state), ...controllerRecords(state)]
  const behind = [...configRecords(state), ...otherRecords(state)]
  const aside = setAside(state, topics)
  function* all(): Generator<MetadataRecord> {
    yield* before
    for (const topic of topics) yield* aside.take(topic)
    yield* behind
  }
  return slices(all(), aside.end)
}

/** Wraps by hand: a generator that was never started does not run its `finally`. */
function slices(
  records: Generator<MetadataRecord>,
  end: () => void,
): IterableIterator<MetadataRecord[]> {
  return {
    next() {
      const slice: MetadataRecord[] = []
      while (slice.length < recordsPerSlice) {
        const { value, done } = records.next()
        if (done) {
          end()
          break
        }
        slice.push(value)
      }
      return slice.length === 0 ? { done: true, value: undefined } : { done: false, value: slice }
    },
    return() {
      end()
      return { done: true, value: undefined }
    },
    [Symbol.iterator]() {
      return this
    },
  }
}

function setAside(state: ImageState, topics: readonly TopicRow[]) {
  const unwritten = new Set(topics)
  const kept = new Map<TopicRow, MetadataRecord[]>()
  const keep = (topic: TopicRow): void => {
    if (unwritten.delete(topic)) kept.set(topic, [...topicRecords(topic)])
  }
  state.beforeChange = keep
  return {
    *take(topic: TopicRow): Generator<MetadataRecord> {
      invariant(state.beforeChange === keep, 'one snapshot is written at a time')
      const records = kept.get(topic)
      kept.delete(topic)
      if (records !== undefined) {
        yield* records
        return
      }
      // Taken whole: a change may fall between two slices of a topic.
      unwritten.delete(topic)
      yield* [...topicRecords(topic)]
    },
    end(): void {
      if (state.beforeChange === keep) state.beforeChange = undefined
    },
  }
}

/** Equal on all nodes that applied the same records (M1); independent of the order of topics. */
export function imageHash(image: MutableImage): string {
  const { state } = image
  const hash = createHash('sha256')
  const add = (records: Iterable<MetadataRecord>) => {
    for (const record of records) hash.update(JSON.stringify(record))
  }
  add(featureRecords(state))
  add(brokerRecords(state))
  add(controllerRecords(state))
  for (const id of [...state.topicsById.keys()].sort()) add(topicRecords(state.topicsById.get(id)!))
  add(sorted(configRecords(state)))
  add(sorted(otherRecords(state)))
  return hash.digest('base64url')
}

const sorted = (records: Iterable<MetadataRecord>): MetadataRecord[] =>
  [...records].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))

/** metadata.version comes first: it says how to read the rest. */
function featureRecords({ features }: ImageState): RecordOf<'FeatureLevelRecord'>[] {
  const rank = (name: string) => (name === 'metadata.version' ? '' : name)
  return [...features]
    .sort(([a], [b]) => (rank(a) < rank(b) ? -1 : 1))
    .map(([name, featureLevel]) => ({ type: 'FeatureLevelRecord', name, featureLevel }))
}

const byId = (a: { id: number }, b: { id: number }) => a.id - b.id

const brokerRecords = ({ brokers }: ImageState): RecordOf<'RegisterBrokerRecord'>[] =>
  [...brokers.values()].sort(byId).map((broker) => brokerRecord(broker))

export const brokerRecord = (broker: BrokerState): RecordOf<'RegisterBrokerRecord'> => ({
  type: 'RegisterBrokerRecord',
  brokerId: broker.id,
  isMigratingZkBroker: broker.isMigratingZkBroker,
  incarnationId: broker.incarnationId,
  brokerEpoch: broker.epoch,
  endPoints: broker.endpoints,
  features: broker.features.map(supportedRange),
  rack: broker.rack,
  fenced: broker.fenced,
  inControlledShutdown: broker.inControlledShutdown,
  logDirs: broker.logDirs,
  cordonedLogDirs: broker.cordonedLogDirs?.length ? broker.cordonedLogDirs : null,
})

const controllerRecords = ({ controllers }: ImageState): RecordOf<'RegisterControllerRecord'>[] =>
  [...controllers.values()].sort(byId).map((controller) => controllerRecord(controller))

export const controllerRecord = (
  controller: ControllerState,
): RecordOf<'RegisterControllerRecord'> => ({
  type: 'RegisterControllerRecord',
  controllerId: controller.id,
  incarnationId: controller.incarnationId,
  zkMigrationReady: false,
  endPoints: controller.endpoints,
  features: controller.features.map(supportedRange),
})

const supportedRange = ({ name, min, max }: { name: string; min: number; max: number }) => ({
  name,
  minSupportedVersion: min,
  maxSupportedVersion: max,
})

function* topicRecords(topic: TopicRow): Generator<MetadataRecord> {
  yield { type: 'TopicRecord', name: topic.name, topicId: topic.id }
  for (let index = 0; index < topic.partitionCount(); index++) {
    const partition = topic.partition(index)
    if (partition !== undefined) yield partitionRecord(topic.id, partition)
  }
}

export const partitionRecord = (
  topicId: string,
  partition: PartitionState,
): RecordOf<'PartitionRecord'> => ({
  type: 'PartitionRecord',
  partitionId: partition.partition,
  topicId,
  replicas: partition.replicas,
  isr: partition.isr,
  removingReplicas: partition.removingReplicas,
  addingReplicas: partition.addingReplicas,
  leader: partition.leader,
  leaderRecoveryState: partition.leaderRecoveryState,
  leaderEpoch: partition.leaderEpoch,
  partitionEpoch: partition.partitionEpoch,
  directories: partition.directories,
  eligibleLeaderReplicas: partition.elr.length > 0 ? partition.elr : null,
  lastKnownElr: partition.lastKnownElr.length > 0 ? partition.lastKnownElr : null,
})

const resourceCodes = new Map([...resourceTypes].map(([code, type]) => [type, code]))

function* configRecords({ configs }: ImageState): Generator<MetadataRecord> {
  for (const [key, values] of configs) {
    const { type, name: resourceName } = resourceOf(key)
    const resourceType = resourceCodes.get(type)!
    for (const [name, value] of values) {
      yield { type: 'ConfigRecord', resourceType, resourceName, name, value }
    }
  }
}

function* otherRecords({ nextProducerId, kept }: ImageState): Generator<MetadataRecord> {
  if (nextProducerId > 0) {
    // To whom the last block went is not part of the image.
    yield { type: 'ProducerIdsRecord', brokerId: -1, brokerEpoch: -1, nextProducerId }
  }
  yield* kept.values()
}
