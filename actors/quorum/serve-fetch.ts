/**
 * A leader answers Fetches of the metadata log; everybody else says who leads, as far as it knows.
 *
 * Source: KIP-595, 630. Records leave before they are committed, and before the leader has synced
 * them: a majority counts, not the leader. A fetch that finds nothing new waits.
 */
import type { Endpoint } from '../../transport/links/link.ts'
import type { Request } from '../../transport/protocol/api.ts'
import { LONG_MAX } from '../../transport/protocol/schema.ts'
import type { Fetch } from '../../transport/schemas/01-fetch.ts'
import { type FetchResponse, fetchFailure, fetchMaxWaitMs, fetchResponse } from './fetch-wire.ts'
import type { Leadership } from './leadership.ts'
import { nodeEndpoints, type Replica, saidLeader, topicId } from './replica.ts'

type Asked = Request<typeof Fetch>['topics'][number]['partitions'][number]

export function serveFetch(
  replica: Replica,
  leadership: () => Leadership | undefined,
): (request: Request<typeof Fetch>, from: Endpoint) => FetchResponse | Promise<FetchResponse> {
  const { clusterId, log, clock, config } = replica

  const currentLeader = () => {
    const { leaderId, epoch } = saidLeader(replica)
    return { leaderId, leaderEpoch: epoch }
  }

  function refusal(asked: Asked) {
    const { epoch } = saidLeader(replica)
    const valid =
      asked.fetchOffset >= 0 && asked.lastFetchedEpoch >= 0 && asked.currentLeaderEpoch >= 0
    if (!valid) return 'INVALID_REQUEST'
    if (asked.currentLeaderEpoch < epoch) return 'FENCED_LEADER_EPOCH'
    if (asked.currentLeaderEpoch > epoch) return 'UNKNOWN_LEADER_EPOCH'
    return leadership() === undefined ? 'NOT_LEADER_OR_FOLLOWER' : undefined
  }

  /** The answer as of now. */
  function answer(asked: Asked, maxBytes: number): FetchResponse {
    const refused = refusal(asked)
    const leader = currentLeader()
    const withEndpoints = (response: FetchResponse): FetchResponse => ({
      ...response,
      nodeEndpoints: nodeEndpoints(replica, leader.leaderId).map((node) => ({
        ...node,
        rack: null,
      })),
    })
    if (refused !== undefined) {
      return withEndpoints(fetchResponse({ currentLeader: leader }, refused))
    }
    const highWatermark = leadership()!.highWatermark()
    const common = {
      currentLeader: leader,
      highWatermark,
      lastStableOffset: highWatermark,
      logStartOffset: log.startOffset(),
    }
    const position = log.position(asked.fetchOffset, asked.lastFetchedEpoch)
    if (position.kind === 'snapshot') {
      const { offset: endOffset, epoch } = position.id
      return fetchResponse({ ...common, snapshotId: { endOffset, epoch } })
    }
    if (position.kind === 'diverging') {
      const { epoch, endOffset } = position
      return fetchResponse({ ...common, divergingEpoch: { epoch, endOffset } })
    }
    const records =
      asked.fetchOffset < log.endOffset()
        ? log.read(asked.fetchOffset, maxBytes, log.endOffset())
        : null
    return fetchResponse({ ...common, records })
  }

  return (request, from) => {
    if (request.clusterId !== null && request.clusterId !== clusterId) {
      return fetchFailure('INCONSISTENT_CLUSTER_ID')
    }
    const topic = request.topics[0]
    const asked = topic?.partitions[0]
    if (topic?.topicId !== topicId || asked === undefined || asked.partition !== 0) {
      return fetchFailure('INVALID_REQUEST')
    }
    const maxBytes = Math.min(request.maxBytes, asked.partitionMaxBytes, config.fetchMaxBytes)
    const led = leadership()
    if (led === undefined || refusal(asked) !== undefined) return answer(asked, maxBytes)

    const isValid = log.position(asked.fetchOffset, asked.lastFetchedEpoch).kind === 'valid'
    const replicaKey = {
      id: request.replicaState.replicaId,
      directoryId: asked.replicaDirectoryId,
    }
    if (replicaKey.id >= 0) {
      const { incarnationId } = from
      const times = { nowMs: clock.monotonic(), wallMs: clock.now() }
      const { fetchOffset: offset } = asked
      led.contact({ replica: replicaKey, incarnationId, offset, isValid, ...times })
    }
    const known = asked.highWatermark === LONG_MAX ? led.highWatermark() : asked.highWatermark
    const hasNews = !isValid || asked.fetchOffset < log.endOffset() || led.highWatermark() > known
    const maxWaitMs = Math.min(request.maxWaitMs, fetchMaxWaitMs)
    if (hasNews || maxWaitMs <= 0) return answer(asked, maxBytes)
    return new Promise((resolve) => {
      const { fetchOffset: offset } = asked
      const who = `${replicaKey.id}:${replicaKey.directoryId}:${from.incarnationId}`
      const fetch = {
        who,
        offset,
        highWatermark: known,
        answer: () => resolve(answer(asked, maxBytes)),
      }
      led.parked.park(fetch, maxWaitMs)
    })
  }
}
