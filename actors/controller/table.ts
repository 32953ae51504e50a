/**
 * What a controller answers: one table, on a controller listener and over the link. What brokers
 * forward comes inside an Envelope; what they ask for themselves has an inbox of its own.
 */
import type { Link } from '../../transport/links/link.ts'
import { type Called, serveApi } from '../../transport/links/rpc.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { apiVersions } from '../apis/18-api-versions.ts'
import { createTopics } from '../apis/19-create-topics.ts'
import { deleteTopics } from '../apis/20-delete-topics.ts'
import { describeConfigs } from '../apis/32-describe-configs.ts'
import { alterConfigs } from '../apis/33-alter-configs.ts'
import { createPartitions } from '../apis/37-create-partitions.ts'
import { electLeaders } from '../apis/43-elect-leaders.ts'
import { incrementalAlterConfigs } from '../apis/44-incremental-alter-configs.ts'
import { alterPartitionReassignments } from '../apis/45-alter-partition-reassignments.ts'
import { listPartitionReassignments } from '../apis/46-list-partition-reassignments.ts'
import { describeQuorum } from '../apis/55-describe-quorum.ts'
import { alterPartition } from '../apis/56-alter-partition.ts'
import { updateFeatures } from '../apis/57-update-features.ts'
import { envelope } from '../apis/58-envelope.ts'
import { describeClusterControllers } from '../apis/60-describe-cluster.ts'
import { brokerRegistration } from '../apis/62-broker-registration.ts'
import { brokerHeartbeat } from '../apis/63-broker-heartbeat.ts'
import { unregisterBroker } from '../apis/64-unregister-broker.ts'
import { allocateProducerIds } from '../apis/67-allocate-producer-ids.ts'
import { controllerRegistration } from '../apis/70-controller-registration.ts'
import { assignReplicasToDirs } from '../apis/73-assign-replicas-to-dirs.ts'
import type { Asker, Handler } from '../apis/handler.ts'
import { type HandlerTable, handlerTable } from '../connection/dispatch.ts'
import type { Clock } from '../ports/clock.ts'
import { forwardedOnce } from './forwarded-once.ts'
import type { ControllerHost } from './types.ts'

/** What brokers forward in an Envelope for their clients. */
const forwardable: HandlerTable<ControllerHost> = handlerTable<ControllerHost>([
  createTopics,
  deleteTopics,
  alterConfigs,
  createPartitions,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  describeQuorum,
  updateFeatures,
  unregisterBroker,
])

/** What nodes ask for themselves. */
const ofNodes: Handler<ControllerHost>[] = [
  alterPartition,
  envelope(() => forwardable),
  brokerRegistration,
  brokerHeartbeat,
  allocateProducerIds,
  controllerRegistration,
  assignReplicasToDirs,
]

/** Of a controller listener. */
export const controllerTable: HandlerTable<ControllerHost> = handlerTable<ControllerHost>([
  ...forwardable.values(),
  ...ofNodes,
  describeConfigs,
  describeClusterControllers,
  apiVersions<ControllerHost>(() => controllerTable.values()),
])

/** Serves what nodes ask the controller for; before the link connects. */
export function serveController(link: Link, host: ControllerHost, clock: Clock): void {
  const once = forwardedOnce(clock)
  for (const handler of ofNodes) {
    serveApi(link, handler.api, handler.versions, (request: Request<Api>, called) => {
      const decide = () => {
        const answer = handler.answer(request, askerOf(called), host, host.log)
        return answer as Response<Api> | Promise<Response<Api>>
      }
      return called.requestId === undefined ? decide() : once(called.from, called.requestId, decide)
    })
  }
}

/** A node asks for itself; its connection is its incarnation. */
const askerOf = ({ version, from }: Called): Asker => ({
  apiVersion: version,
  correlationId: 0,
  clientId: `node-${from.nodeId}`,
  principal: 'User:ANONYMOUS',
  clientAddress: '',
  listenerName: 'CONTROLLER',
  connectionId: from.incarnationId,
})
