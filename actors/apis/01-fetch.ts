/**
 * Fetch v4-18: record batches for consumers and followers, over TCP and over the link alike.
 *
 * - Sessions from v7 (KIP-227), topics by id from v13, the follower's broker epoch from v15 (KIP-903).
 * - Consumers read below the high watermark, from v11 on followers too (KIP-392). Without
 *   transactions the last stable offset is the high watermark.
 * - No rack-aware choice: the preferred read replica is always -1.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import type { DataBroker } from '../broker/types.ts'
import type { Fetched, FetchedPartition, FetchOptions } from '../replica/fetch.ts'
import type { FetchWish } from '../replica/fetch-session.ts'
import { empty } from '../replica/read.ts'
import type { Asker } from './handler.ts'
import { handler } from './handler.ts'
import { checkIsolationLevel, READ_COMMITTED } from './isolation-level.ts'
import {
  type CurrentLeader,
  currentLeader,
  nodeEndpoints,
  noLeader,
  tellsLeader,
} from './located.ts'

type FetchRequest = Request<typeof Fetch>
type FetchResponse = Response<typeof Fetch>
type TopicAnswer = FetchResponse['responses'][number]
type PartitionAnswer = TopicAnswer['partitions'][number]

const TOPIC_IDS_SINCE = 13
const FOLLOWER_READS_SINCE = 11
const LEADERS_SINCE = 16
/** A client that went away is waited for no longer; Kafka waits as long as it was asked to. */
const WAIT_MS_MAX = 300_000

export const fetch = handler<typeof Fetch, DataBroker>(
  Fetch,
  [4, 18],
  (request, asker, host) => {
    checkIsolationLevel(request.isolationLevel)
    const fetched = host.replicas.fetch(optionsOf(request, asker, host))
    return fetched instanceof Promise
      ? fetched.then((done) => answerOf(done, request, asker, host))
      : answerOf(fetched, request, asker, host)
  },
  (request, error, _, { apiVersion }) => ({
    throttleTimeMs: 0,
    errorCode: errorCodes[error],
    sessionId: 0,
    // Without a session there may be no error at the top (before v7): each partition carries it.
    responses:
      request.sessionEpoch === -1 && apiVersion < TOPIC_IDS_SINCE
        ? refusedTopics(request, errorCodes[error])
        : [],
    nodeEndpoints: [],
  }),
)

/** In the replica's state from v15 on. */
const replicaIdOf = ({ replicaId, replicaState }: FetchRequest): number =>
  replicaState.replicaId >= 0 ? replicaState.replicaId : replicaId

function optionsOf(request: FetchRequest, asker: Asker, host: DataBroker): FetchOptions {
  const replicaId = replicaIdOf(request)
  const maxBytes = Math.min(request.maxBytes, host.config.int('fetch.max.bytes'))
  const wishes: FetchWish[] = []
  for (const { topic, topicId, partitions } of request.topics) {
    for (const each of partitions) {
      wishes.push({
        topic,
        topicId,
        partition: each.partition,
        fetchOffset: each.fetchOffset,
        currentLeaderEpoch: each.currentLeaderEpoch,
        lastFetchedEpoch: each.lastFetchedEpoch,
        logStartOffset: each.logStartOffset,
        partitionMaxBytes: each.partitionMaxBytes,
      })
    }
  }
  return {
    sessionId: request.sessionId,
    sessionEpoch: request.sessionEpoch,
    replicaId,
    replicaEpoch: request.replicaState.replicaEpoch,
    usesTopicIds: asker.apiVersion >= TOPIC_IDS_SINCE,
    wishes,
    forgotten: request.forgottenTopicsData,
    maxWaitMs: Math.min(request.maxWaitMs, WAIT_MS_MAX),
    minBytes: Math.min(request.minBytes, maxBytes),
    maxBytes,
    departure: asker.departure,
    bytesLeft: asker.bytesLeft,
    leaderOnly: replicaId >= 0 || asker.apiVersion < FOLLOWER_READS_SINCE,
  }
}

function answerOf(
  { sessionId, partitions }: Fetched,
  request: FetchRequest,
  asker: Asker,
  host: DataBroker,
): FetchResponse {
  const byTopic = new Map<string, TopicAnswer>()
  const usesTopicIds = asker.apiVersion >= TOPIC_IDS_SINCE
  const leaders: number[] = []
  const aborted = request.isolationLevel === READ_COMMITTED ? [] : null
  for (const each of partitions) {
    const { topic, topicId, error, partition } = each
    const key = usesTopicIds ? topicId : topic
    let answer = byTopic.get(key)
    if (answer === undefined) {
      answer = { topic, topicId, partitions: [] }
      byTopic.set(key, answer)
    }
    let leader = noLeader
    if (asker.apiVersion >= LEADERS_SINCE && tellsLeader(error)) {
      leader = currentLeader(host, { name: topic, topicId }, partition)
      leaders.push(leader.leaderId)
    }
    // What this broker does not host is refused with an empty list instead of none.
    answer.partitions.push(partitionAnswer(each, leader, isNowhere(error) ? [] : aborted))
  }
  return {
    throttleTimeMs: 0,
    errorCode: errorCodes.NONE,
    sessionId,
    responses: [...byTopic.values()],
    // Replicas look up who leads in their own metadata.
    nodeEndpoints:
      leaders.length > 0 && replicaIdOf(request) < 0
        ? nodeEndpoints(host, leaders, asker.listenerName)
        : [],
  }
}

const isNowhere = (error: ErrorName): boolean =>
  error === 'UNKNOWN_TOPIC_OR_PARTITION' || error === 'UNKNOWN_TOPIC_ID'

const none = Object.freeze({ epoch: -1, endOffset: -1 })

const partitionAnswer = (
  { partition, error, highWatermark, logStartOffset, diverging, records }: FetchedPartition,
  leader: CurrentLeader,
  abortedTransactions: never[] | null,
): PartitionAnswer => ({
  partitionIndex: partition,
  errorCode: errorCodes[error],
  highWatermark,
  lastStableOffset: highWatermark,
  logStartOffset,
  divergingEpoch: diverging ?? none,
  currentLeader: leader,
  snapshotId: none,
  abortedTransactions,
  preferredReadReplica: -1,
  records,
})

const refusedTopics = ({ topics }: FetchRequest, errorCode: number): TopicAnswer[] =>
  topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => ({
      partitionIndex: partition,
      errorCode,
      highWatermark: -1,
      lastStableOffset: -1,
      logStartOffset: -1,
      divergingEpoch: none,
      currentLeader: noLeader,
      snapshotId: none,
      abortedTransactions: [],
      preferredReadReplica: -1,
      records: empty,
    })),
  }))
