/**
 * Metadata v0-13: brokers and topics as this broker's image has them (topics by id from v12).
 *
 * - Only unfenced brokers with an endpoint on the listener that asks; the controller named is one of
 *   them, since clients cannot reach controllers (KIP-590): the one that answers, where it can. The
 *   active controller's own broker is named last, or its death would cost clients both at once.
 * - While the process of a leader is found gone, the answer waits for its successor.
 * - A topic that does not exist is made when the request and `auto.create.topics.enable` allow it: the
 *   controller is asked in the client's name, and this answer does not wait for it.
 * - v13's error at the top (REBOOTSTRAP_REQUIRED, KIP-1102) is never given.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { Metadata } from '../../transport/schemas/03-metadata.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import type { DataBroker } from '../broker/types.ts'
import { invariant } from '../invariant.ts'
import type { BrokerState, TopicView } from '../metadata/image.ts'
import { type Asker, handler } from './handler.ts'
import { endpointOf, isInternal } from './located.ts'
import {
  clusterOperations,
  isReachable,
  isValidTopicName,
  notAsked,
  offlineReplicas,
  topicOperations,
  usableLeader,
} from './topic-metadata.ts'

type MetadataRequest = Request<typeof Metadata>
type MetadataResponse = Response<typeof Metadata>
type Asked = NonNullable<MetadataRequest['topics']>
type TopicAnswer = MetadataResponse['topics'][number]

const TOPIC_IDS_SINCE = 12
const LISTENER_ERRORS_SINCE = 6
const CREATE_TOPICS_VERSION = 7

export const metadata = handler<typeof Metadata, DataBroker>(
  Metadata,
  [0, 13],
  (request, asker, host) => {
    const settled = host.succession(leadersOf(request, host))
    return settled === undefined
      ? answer(request, asker, host)
      : settled.then(() => answer(request, asker, host))
  },
  ({ topics }, error) => ({
    throttleTimeMs: 0,
    brokers: [],
    clusterId: null,
    controllerId: -1,
    topics: (topics ?? []).map(({ name, topicId }) =>
      noTopic(name ?? '', topicId, error, notAsked),
    ),
    clusterAuthorizedOperations: notAsked,
    errorCode: errorCodes[error],
  }),
)

function answer(request: MetadataRequest, asker: Asker, host: DataBroker): MetadataResponse {
  const image = host.image()
  const { listenerName, apiVersion } = asker
  const brokers = [...image.brokers().values()]
    .filter((broker) => isReachable(broker, listenerName))
    .sort((a, b) => a.id - b.id)
  const operations = request.includeTopicAuthorizedOperations ? topicOperations : notAsked
  return {
    throttleTimeMs: 0,
    brokers: brokers.map((broker) => {
      const { host: name, port } = endpointOf(broker, listenerName)!
      return { nodeId: broker.id, host: name, port, rack: broker.rack }
    }),
    clusterId: host.clusterId,
    controllerId: controllerFor(brokers, host),
    topics: topicsOf(request, asker, host, operations),
    clusterAuthorizedOperations:
      apiVersion >= 8 && request.includeClusterAuthorizedOperations ? clusterOperations : notAsked,
    errorCode: errorCodes.NONE,
  }
}

function controllerFor(brokers: BrokerState[], { nodeId, activeControllerId }: DataBroker): number {
  const ids = brokers.map(({ id }) => id)
  const others = ids.filter((id) => id !== activeControllerId())
  return others.includes(nodeId) ? nodeId : (others[0] ?? ids[0] ?? -1)
}

/** Who leads what is asked for. */
function* leadersOf({ topics }: MetadataRequest, host: DataBroker): Generator<number> {
  const image = host.image()
  if (topics === null || topics.length === 0) {
    yield* image.brokers().keys()
    return
  }
  for (const { name, topicId } of topics) {
    const topic = topicId === ZERO_UUID ? image.topicByName(name ?? '') : image.topicById(topicId)
    const count = topic?.partitionCount() ?? 0
    for (let index = 0; index < count; index++) yield topic?.partition(index)?.leader ?? -1
  }
}

function topicsOf(
  { topics, allowAutoTopicCreation }: MetadataRequest,
  asker: Asker,
  host: DataBroker,
  operations: number,
): TopicAnswer[] {
  const image = host.image()
  const { apiVersion } = asker
  const asksForAll = topics === null || (apiVersion === 0 && topics.length === 0)
  if (asksForAll) return Array.from(image.topics(), (topic) => told(topic, asker, host, operations))
  const missing: string[] = []
  const answers = asked(topics).map(({ name, topicId }) => {
    if (apiVersion < TOPIC_IDS_SINCE && (name === null || topicId !== ZERO_UUID)) {
      return refuse('INVALID_REQUEST', `Metadata v${apiVersion} asks for topics by name`)
    }
    if (topicId !== ZERO_UUID) {
      const topic = image.topicById(topicId)
      if (topic !== undefined) return told(topic, asker, host, operations)
      return noTopic(null, topicId, 'UNKNOWN_TOPIC_ID', notAsked)
    }
    const called = name ?? ''
    const topic = image.topicByName(called)
    if (topic !== undefined) return told(topic, asker, host, operations)
    if (!isValidTopicName(called)) {
      return noTopic(called, ZERO_UUID, 'INVALID_TOPIC_EXCEPTION', operations)
    }
    missing.push(called)
    return noTopic(called, ZERO_UUID, 'UNKNOWN_TOPIC_OR_PARTITION', operations)
  })
  if (allowAutoTopicCreation && missing.length > 0) createAll(missing, asker, host)
  return answers
}

/** Where one is asked for by id, names do not count. A topic that is named again is told once. */
function asked(topics: Asked): Asked {
  const seen = new Set<string>()
  const byId = topics.filter(({ topicId }) => topicId !== ZERO_UUID)
  return (byId.length > 0 ? byId : topics).filter(({ name, topicId }) => {
    const key = `${topicId} ${name}`
    return !seen.has(key) && seen.add(key)
  })
}

function told(
  topic: TopicView,
  { listenerName, apiVersion }: Asker,
  host: DataBroker,
  operations: number,
): TopicAnswer {
  const image = host.image()
  const isThere = (id: number) => isReachable(image.brokers().get(id), listenerName)
  return {
    errorCode: errorCodes.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternal(topic.name),
    partitions: Array.from({ length: topic.partitionCount() }, (_, partitionIndex) => {
      const state = topic.partition(partitionIndex)
      invariant(state !== undefined, 'M8: partitions of a topic are dense', { partitionIndex })
      const leader = usableLeader(state, image, listenerName)
      let { error } = leader
      if (error === 'LISTENER_NOT_FOUND' && apiVersion < LISTENER_ERRORS_SINCE) {
        error = 'LEADER_NOT_AVAILABLE'
      }
      // The oldest clients are shown live replicas only, and told that some are missing.
      const live = (ids: number[]) => (apiVersion === 0 ? ids.filter(isThere) : ids)
      const replicaNodes = live(state.replicas)
      const isrNodes = live(state.isr)
      const hides =
        replicaNodes.length < state.replicas.length || isrNodes.length < state.isr.length
      if (error === 'NONE' && hides) error = 'REPLICA_NOT_AVAILABLE'
      return {
        errorCode: errorCodes[error],
        partitionIndex,
        leaderId: leader.leaderId,
        leaderEpoch: state.leaderEpoch,
        replicaNodes,
        isrNodes,
        offlineReplicas: offlineReplicas(state, image, listenerName),
      }
    }),
    topicAuthorizedOperations: operations,
  }
}

const noTopic = (
  name: string | null,
  topicId: string,
  error: ErrorName,
  topicAuthorizedOperations: number,
): TopicAnswer => ({
  errorCode: errorCodes[error],
  name,
  topicId,
  isInternal: name !== null && isInternal(name),
  partitions: [],
  topicAuthorizedOperations,
})

/** Names that are being made, by host: asking once is enough. */
const beingMade = new WeakMap<DataBroker['controller'], Set<string>>()

function createAll(names: string[], asker: Asker, host: DataBroker): void {
  const { config, controller, log } = host
  if (!config.bool('auto.create.topics.enable')) return
  const underway = beingMade.get(controller) ?? new Set()
  beingMade.set(controller, underway)
  const fresh = names.filter((name) => !underway.has(name) && !isInternal(name))
  if (fresh.length === 0) return
  for (const name of fresh) underway.add(name)
  const timeoutMs = config.int('request.timeout.ms')
  const request: Request<typeof CreateTopics> = {
    topics: fresh.map((name) => ({
      name,
      numPartitions: config.int('num.partitions'),
      replicationFactor: config.int('default.replication.factor'),
      assignments: [],
      configs: [],
    })),
    timeoutMs,
    validateOnly: false,
  }
  controller
    .forward(CreateTopics, request, { ...asker, apiVersion: CREATE_TOPICS_VERSION }, timeoutMs)
    .catch((error: unknown) => {
      log.info({ topics: fresh, err: error }, 'topics could not be created automatically')
    })
    .finally(() => {
      for (const name of fresh) underway.delete(name)
    })
}
