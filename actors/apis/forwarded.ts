/**
 * APIs that the controller decides: a broker passes them on as the client that asked (KIP-590) and
 * gives the answer back unread.
 *
 * The versions offered are those that the controller's own handler answers. When no controller
 * answers before the request's own time is up, the client gets REQUEST_TIMED_OUT.
 */
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { CreateTopics } from '../../transport/schemas/19-create-topics.ts'
import { DeleteTopics } from '../../transport/schemas/20-delete-topics.ts'
import { AlterConfigs } from '../../transport/schemas/33-alter-configs.ts'
import { CreatePartitions } from '../../transport/schemas/37-create-partitions.ts'
import { ElectLeaders } from '../../transport/schemas/43-elect-leaders.ts'
import { IncrementalAlterConfigs } from '../../transport/schemas/44-incremental-alter-configs.ts'
import { AlterPartitionReassignments } from '../../transport/schemas/45-alter-partition-reassignments.ts'
import { ListPartitionReassignments } from '../../transport/schemas/46-list-partition-reassignments.ts'
import { DescribeQuorum } from '../../transport/schemas/55-describe-quorum.ts'
import { UpdateFeatures } from '../../transport/schemas/57-update-features.ts'
import { UnregisterBroker } from '../../transport/schemas/64-unregister-broker.ts'
import type { BrokerHost } from '../broker/types.ts'
import { type Handler, handler, type Versions } from './handler.ts'

type Host = Pick<BrokerHost, 'controller' | 'config'>

/** Requests that name no time of their own get the time that Kafka's clients give them. */
const timeoutOf = (request: unknown): number => {
  const { timeoutMs } = request as { timeoutMs?: number }
  return timeoutMs !== undefined && timeoutMs > 0 ? timeoutMs : 30_000
}

/** @param failed the API's answer when no controller took the request */
export const forwarded = <A extends Api>(
  api: A,
  versions: Versions,
  failed: (request: Request<A>, error: ErrorName, message: string | null) => Response<A>,
): Handler<Host> =>
  handler<A, Host>(
    api,
    versions,
    (request, asker, { controller }) => controller.forward(api, request, asker, timeoutOf(request)),
    failed,
  )

const topLevel = (error: ErrorName, errorMessage: string | null) => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[error],
  errorMessage,
})

type Resource = { resourceType: number; resourceName: string }
const eachResource = (resources: Resource[], error: ErrorName, errorMessage: string | null) => ({
  throttleTimeMs: 0,
  responses: resources.map(({ resourceType, resourceName }) => ({
    errorCode: errorCodes[error],
    errorMessage,
    resourceType,
    resourceName,
  })),
})

/** Every API that a broker forwards, by name, with the answer for when no controller is there. */
export const forwardable = {
  createTopics: (versions: Versions) =>
    forwarded(CreateTopics, versions, ({ topics }, error, errorMessage) => ({
      throttleTimeMs: 0,
      topics: topics.map(({ name }) => ({
        name,
        topicId: ZERO_UUID,
        errorCode: errorCodes[error],
        errorMessage,
        topicConfigErrorCode: 0,
        numPartitions: -1,
        replicationFactor: -1,
        configs: [],
      })),
    })),
  deleteTopics: (versions: Versions) =>
    forwarded(DeleteTopics, versions, ({ topics, topicNames }, error, errorMessage) => ({
      throttleTimeMs: 0,
      responses: [...topics, ...topicNames.map((name) => ({ name, topicId: ZERO_UUID }))].map(
        ({ name, topicId }) => ({
          name,
          topicId,
          errorCode: errorCodes[error],
          errorMessage,
        }),
      ),
    })),
  alterConfigs: (versions: Versions) =>
    forwarded(AlterConfigs, versions, ({ resources }, error, message) =>
      eachResource(resources, error, message),
    ),
  incrementalAlterConfigs: (versions: Versions) =>
    forwarded(IncrementalAlterConfigs, versions, ({ resources }, error, message) =>
      eachResource(resources, error, message),
    ),
  createPartitions: (versions: Versions) =>
    forwarded(CreatePartitions, versions, ({ topics }, error, errorMessage) => ({
      throttleTimeMs: 0,
      results: topics.map(({ name }) => ({ name, errorCode: errorCodes[error], errorMessage })),
    })),
  electLeaders: (versions: Versions) =>
    forwarded(ElectLeaders, versions, ({ topicPartitions }, error, errorMessage) => ({
      throttleTimeMs: 0,
      errorCode: errorCodes[error],
      replicaElectionResults: (topicPartitions ?? []).map(({ topic, partitions }) => ({
        topic,
        partitionResult: partitions.map((partitionId) => ({
          partitionId,
          errorCode: errorCodes[error],
          errorMessage,
        })),
      })),
    })),
  alterPartitionReassignments: (versions: Versions) =>
    forwarded(AlterPartitionReassignments, versions, (request, error, message) => ({
      ...topLevel(error, message),
      allowReplicationFactorChange: request.allowReplicationFactorChange,
      responses: [],
    })),
  listPartitionReassignments: (versions: Versions) =>
    forwarded(ListPartitionReassignments, versions, (_, error, message) => ({
      ...topLevel(error, message),
      topics: [],
    })),
  describeQuorum: (versions: Versions) =>
    forwarded(DescribeQuorum, versions, (_, error, errorMessage) => ({
      errorCode: errorCodes[error],
      errorMessage,
      topics: [],
      nodes: [],
    })),
  updateFeatures: (versions: Versions) =>
    forwarded(UpdateFeatures, versions, (_, error, message) => ({
      ...topLevel(error, message),
      results: [],
    })),
  unregisterBroker: (versions: Versions) =>
    forwarded(UnregisterBroker, versions, (_, error, message) => topLevel(error, message)),
} as const
