/**
 * The Fetch of the metadata log: v18 of Kafka's Fetch, without a session, one partition. It has an
 * inbox of its own, since a node's brokers serve the partitions' Fetch (KIP-595, 630, 853, 1166).
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { type Replica, topicId } from './replica.ts'

export const MetadataFetch = { ...Fetch, name: 'Fetch.metadata' }
export const fetchVersion = 18
/** Kafka's quorum waits at most this long for news; ms. */
export const fetchMaxWaitMs = 500

type FetchRequest = Request<typeof Fetch>
export type FetchResponse = Response<typeof Fetch>
export type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]

export function fetchRequest(
  { clusterId, self, log, config, highWatermark }: Replica,
  of: { epoch: number; maxWaitMs: number },
): FetchRequest {
  return {
    clusterId,
    replicaId: -1,
    replicaState: { replicaId: self.id, replicaEpoch: -1 },
    maxWaitMs: of.maxWaitMs,
    minBytes: 0,
    maxBytes: config.fetchMaxBytes,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic: '',
        topicId,
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: of.epoch,
            fetchOffset: log.endOffset(),
            lastFetchedEpoch: log.lastEpoch(),
            logStartOffset: -1,
            partitionMaxBytes: config.fetchMaxBytes,
            replicaDirectoryId: self.directoryId,
            highWatermark: highWatermark(),
          },
        ],
      },
    ],
    forgottenTopicsData: [],
    rackId: '',
  }
}

export const fetchFailure = (error: ErrorName): FetchResponse => ({
  throttleTimeMs: 0,
  errorCode: errorCodes[error],
  sessionId: 0,
  responses: [],
  nodeEndpoints: [],
})

export const fetchResponse = (
  partition: Partial<FetchedPartition> & { currentLeader: FetchedPartition['currentLeader'] },
  error: ErrorName = 'NONE',
): FetchResponse => ({
  ...fetchFailure('NONE'),
  responses: [
    {
      topic: '',
      topicId,
      partitions: [
        {
          partitionIndex: 0,
          errorCode: errorCodes[error],
          highWatermark: -1,
          lastStableOffset: -1,
          logStartOffset: -1,
          divergingEpoch: { epoch: -1, endOffset: -1 },
          snapshotId: { endOffset: -1, epoch: -1 },
          abortedTransactions: null,
          preferredReadReplica: -1,
          records: null,
          ...partition,
        },
      ],
    },
  ],
})
