/**
 * What a broker listener answers, and what other brokers ask of it over the link. An api stands here
 * when it works: ApiVersions advertises this table.
 */
import type { Link } from '../../transport/links/link.ts'
import { serveApi } from '../../transport/links/rpc.ts'
import type { Api, Request, Response } from '../../transport/protocol/api.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import { DescribeQuorum } from '../../transport/schemas/55-describe-quorum.ts'
import { produce } from '../apis/00-produce.ts'
import { fetch } from '../apis/01-fetch.ts'
import { listOffsets } from '../apis/02-list-offsets.ts'
import { metadata } from '../apis/03-metadata.ts'
import { offsetCommit } from '../apis/08-offset-commit.ts'
import { offsetFetch } from '../apis/09-offset-fetch.ts'
import { findCoordinator } from '../apis/10-find-coordinator.ts'
import { joinGroup } from '../apis/11-join-group.ts'
import { heartbeat } from '../apis/12-heartbeat.ts'
import { leaveGroup } from '../apis/13-leave-group.ts'
import { syncGroup } from '../apis/14-sync-group.ts'
import { describeGroups } from '../apis/15-describe-groups.ts'
import { listGroups } from '../apis/16-list-groups.ts'
import { apiVersions } from '../apis/18-api-versions.ts'
import { forwardCreateTopics } from '../apis/19-create-topics.ts'
import { forwardDeleteTopics } from '../apis/20-delete-topics.ts'
import { deleteRecords } from '../apis/21-delete-records.ts'
import { initProducerId } from '../apis/22-init-producer-id.ts'
import { offsetForLeaderEpoch } from '../apis/23-offset-for-leader-epoch.ts'
import { describeConfigs } from '../apis/32-describe-configs.ts'
import { forwardAlterConfigs } from '../apis/33-alter-configs.ts'
import { describeLogDirs } from '../apis/35-describe-log-dirs.ts'
import { forwardCreatePartitions } from '../apis/37-create-partitions.ts'
import { deleteGroups } from '../apis/42-delete-groups.ts'
import { forwardElectLeaders } from '../apis/43-elect-leaders.ts'
import { forwardIncrementalAlterConfigs } from '../apis/44-incremental-alter-configs.ts'
import { forwardAlterPartitionReassignments } from '../apis/45-alter-partition-reassignments.ts'
import { forwardListPartitionReassignments } from '../apis/46-list-partition-reassignments.ts'
import { offsetDelete } from '../apis/47-offset-delete.ts'
import { forwardUpdateFeatures } from '../apis/57-update-features.ts'
import { describeCluster } from '../apis/60-describe-cluster.ts'
import { describeProducers } from '../apis/61-describe-producers.ts'
import { forwardUnregisterBroker } from '../apis/64-unregister-broker.ts'
import { listConfigResources } from '../apis/74-list-config-resources.ts'
import { describeTopicPartitions } from '../apis/75-describe-topic-partitions.ts'
import { forwarded } from '../apis/forwarded.ts'
import type { Asker, Handler } from '../apis/handler.ts'
import { type HandlerTable, handlerTable } from '../connection/dispatch.ts'
import { InvariantError } from '../invariant.ts'
import type { BrokerHost, DataBroker } from './types.ts'

/** Both what groups and what a broker's own data need. */
export type ListenerHost = BrokerHost & DataBroker

const forwardDescribeQuorum = forwarded(
  DescribeQuorum,
  [0, 2],
  (_, error, errorMessage): Response<typeof DescribeQuorum> => ({
    errorCode: errorCodes[error],
    errorMessage,
    topics: [],
    nodes: [],
  }),
)

export const brokerTable: HandlerTable<ListenerHost> = handlerTable<ListenerHost>([
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions<ListenerHost>(() => brokerTable.values()),
  forwardCreateTopics,
  forwardDeleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  forwardAlterConfigs,
  describeLogDirs,
  forwardCreatePartitions,
  deleteGroups,
  forwardElectLeaders,
  forwardIncrementalAlterConfigs,
  forwardAlterPartitionReassignments,
  forwardListPartitionReassignments,
  offsetDelete,
  forwardDescribeQuorum,
  forwardUpdateFeatures,
  describeCluster,
  describeProducers,
  forwardUnregisterBroker,
  listConfigResources,
  describeTopicPartitions,
])

/** What followers ask of their leaders. */
const ofFollowers: Handler<ListenerHost>[] = [fetch, listOffsets]

/** Serves the followers of other brokers; before the link connects. */
export function serveFollowers(link: Link, host: ListenerHost, halt: (why: unknown) => void): void {
  for (const handler of ofFollowers) {
    serveApi(link, handler.api, handler.versions, (request: Request<Api>, { version, from }) => {
      const asker: Asker = {
        apiVersion: version,
        correlationId: 0,
        clientId: `broker-${from.nodeId}`,
        principal: 'User:ANONYMOUS',
        clientAddress: '',
        listenerName: '',
        connectionId: from.incarnationId,
      }
      const failed = (error: unknown): never => {
        if (error instanceof InvariantError) halt(error)
        throw error
      }
      try {
        const answer = handler.answer(request, asker, host, host.log)
        return (answer instanceof Promise ? answer.catch(failed) : answer) as Response<Api>
      } catch (error) {
        return failed(error)
      }
    })
  }
}
