/**
 * FindCoordinator v0-6: the broker that coordinates a group; several keys from v4 (KIP-699).
 *
 * - The first one ever asked for makes `__consumer_offsets`; until it is there, led and reachable by
 *   the listener that asks: COORDINATOR_NOT_AVAILABLE.
 * - While the process of a coordinator is found gone, the answer waits for its successor.
 * - Transactional ids and share groups are not coordinated here. COORDINATOR_NOT_AVAILABLE would have
 *   their clients ask for ever; UNSUPPORTED_VERSION is final, and Java clients print the message.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { FindCoordinator } from '../../transport/schemas/10-find-coordinator.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import type { BrokerHost, DataBroker } from '../broker/types.ts'
import { OFFSETS_TOPIC } from '../group/types.ts'
import { InvariantError } from '../invariant.ts'
import { type Asker, handler } from './handler.ts'

const SEVERAL_SINCE = 4
const SHARE_SINCE = 6
const keyTypes = { group: 0, transaction: 1, share: 2 } as const
const CREATE_TOPICS_VERSION = 7

type Host = BrokerHost & Pick<DataBroker, 'succession'>
type Answer = Response<typeof FindCoordinator>
type Coordinator = Answer['coordinators'][number]

export const findCoordinator = handler<typeof FindCoordinator, Host>(
  FindCoordinator,
  [0, 6],
  (request, { apiVersion, listenerName }, host) => {
    const locate = (key: string): Coordinator => {
      try {
        checkKeyType(request.keyType, apiVersion)
        const node = coordinatorOf(host, key, listenerName)
        return { key, ...node, errorCode: errorCodes.NONE, errorMessage: null }
      } catch (error) {
        if (error instanceof KafkaError) return unknown(key, error.code, error.message)
        throw error
      }
    }
    const keys = apiVersion < SEVERAL_SINCE ? [request.key] : request.coordinatorKeys
    const tell = () =>
      apiVersion < SEVERAL_SINCE ? answerOfOne(locate(request.key)) : answer(keys.map(locate))
    const settled =
      request.keyType === keyTypes.group ? host.succession(leadersOf(host, keys)) : undefined
    return settled === undefined ? tell() : settled.then(tell)
  },
  failed,
)

function checkKeyType(keyType: number, apiVersion: number): void {
  if (keyType === keyTypes.group) return
  if (keyType === keyTypes.transaction) {
    refuse('UNSUPPORTED_VERSION', 'this cluster does not offer transactions')
  }
  if (keyType === keyTypes.share && apiVersion >= SHARE_SINCE) {
    refuse('UNSUPPORTED_VERSION', 'this cluster does not offer share groups')
  }
  refuse('INVALID_REQUEST', `coordinators of type ${keyType} are not known`)
}

function leadersOf(host: Host, groupIds: string[]): number[] {
  const topic = host.image().topicByName(OFFSETS_TOPIC)
  if (topic === undefined) return []
  return groupIds.map((id) => topic.partition(host.groups.partitionFor(id))?.leader ?? -1)
}

function coordinatorOf(host: BrokerHost, groupId: string, listenerName: string) {
  const image = host.image()
  const topic = image.topicByName(OFFSETS_TOPIC)
  if (topic === undefined) {
    createOffsetsTopic(host)
    refuse('COORDINATOR_NOT_AVAILABLE', `${OFFSETS_TOPIC} is being created`)
  }
  const partition = host.groups.partitionFor(groupId)
  const leader = image.brokers().get(topic.partition(partition)?.leader ?? -1)
  const endpoint = leader?.endpoints.find(({ name }) => name === listenerName)
  if (leader === undefined || leader.fenced || endpoint === undefined) {
    refuse('COORDINATOR_NOT_AVAILABLE', `${OFFSETS_TOPIC}-${partition} has no leader to be reached`)
  }
  return { nodeId: leader.id, host: endpoint.host, port: endpoint.port }
}

/** Brokers that have asked the controller and not heard from it yet. */
const creating = new WeakSet<BrokerHost>()

function createOffsetsTopic(host: BrokerHost): void {
  if (creating.has(host)) return
  creating.add(host)
  const { config, log } = host
  const timeoutMs = config.int('request.timeout.ms')
  host.controller
    .forward(CreateTopics, offsetsTopic(host, timeoutMs), itself(host), timeoutMs)
    .then(({ topics }) => {
      const { errorCode, errorMessage } = topics[0]!
      const isThere = errorCode === errorCodes.NONE || errorCode === errorCodes.TOPIC_ALREADY_EXISTS
      if (isThere) log.info({ topic: OFFSETS_TOPIC }, 'topic created')
      else log.warn({ errorCode, errorMessage }, `${OFFSETS_TOPIC} cannot be created`)
    })
    .catch((error: unknown) => {
      if (error instanceof InvariantError) throw error
      log.warn({ err: error }, `${OFFSETS_TOPIC} could not be created; the next client asks again`)
    })
    .finally(() => creating.delete(host))
}

/** The topic is the broker's own wish, so it asks as itself and not as the client that came first. */
const itself = ({ nodeId }: BrokerHost): Asker => ({
  apiVersion: CREATE_TOPICS_VERSION,
  correlationId: 0,
  clientId: String(nodeId),
  principal: 'User:ANONYMOUS',
  clientAddress: '/127.0.0.1',
  listenerName: '',
  connectionId: '',
})

const offsetsTopic = ({ config }: BrokerHost, timeoutMs: number): Request<typeof CreateTopics> => ({
  topics: [
    {
      name: OFFSETS_TOPIC,
      numPartitions: config.int('offsets.topic.num.partitions'),
      replicationFactor: config.int('offsets.topic.replication.factor'),
      assignments: [],
      configs: [
        { name: 'cleanup.policy', value: 'compact' },
        { name: 'compression.type', value: 'producer' },
        { name: 'segment.bytes', value: String(config.int('offsets.topic.segment.bytes')) },
      ],
    },
  ],
  timeoutMs,
  validateOnly: false,
})

const unknown = (key: string, error: ErrorName, errorMessage: string | null): Coordinator => ({
  key,
  nodeId: -1,
  host: '',
  port: -1,
  errorCode: errorCodes[error],
  errorMessage,
})

const nowhere = { errorCode: errorCodes.NONE, errorMessage: null, nodeId: 0, host: '', port: 0 }

const answer = (coordinators: Coordinator[]): Answer => ({
  throttleTimeMs: 0,
  ...nowhere,
  coordinators,
})

const answerOfOne = ({ key: _, ...node }: Coordinator): Answer => ({
  throttleTimeMs: 0,
  ...node,
  coordinators: [],
})

function failed(
  { key, coordinatorKeys }: Request<typeof FindCoordinator>,
  error: ErrorName,
  message: string | null,
): Answer {
  if (coordinatorKeys.length === 0) return answerOfOne(unknown(key, error, message))
  return answer(coordinatorKeys.map((each) => unknown(each, error, message)))
}
