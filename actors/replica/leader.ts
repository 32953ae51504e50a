/**
 * What a leader does with what it learns: followers' progress moves the high watermark and the
 * ISR; the high watermark completes what waits for it, in the same turn.
 *
 * Source: Kafka's Partition; KIP-497, 903, 966.
 */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { invariant } from '../invariant.ts'
import type { Logger } from '../log.ts'
import { isOnlineDirectory } from '../metadata/directory-ids.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { SendToReplica } from './charts.ts'
import { pokeAll, pokeConsumers } from './fetch.ts'
import type { FetchEntry } from './fetch-session.ts'
import { effectiveMinIsr, highWatermark } from './high-watermark.ts'
import {
  type Follower,
  isCaughtUp,
  isEligible,
  joiners,
  laggards,
  newFollower,
  noteAppend,
  noteFetch,
} from './isr.ts'
import { countedEnd, isSynced, type Partition, takeWaiters } from './partition.ts'

type Ports = {
  nodeId: number
  clock: Clock
  log: Logger
  image(): MetadataImage
  /** replica.lag.time.max.ms */
  lagMsMax(): number
  send: SendToReplica
  halt(why: unknown): void
}

export type Leading = ReturnType<typeof createLeading>

export function createLeading({ nodeId, clock, log, image, lagMsMax, send, halt }: Ports) {
  const leads = (partition: Partition) =>
    partition.role === 'leader' && partition.log !== undefined && !partition.removed

  const syncing = new Set<Partition>()

  /** Its log directory did not fail: the controller would not let it join (KIP-858). */
  function isStored({ topicId, partition }: Partition, { id }: Follower): boolean {
    const state = image().topicById(topicId)?.partition(partition)
    const directory = state?.directories[state.replicas.indexOf(id)]
    if (directory === undefined) return true
    return isOnlineDirectory(directory, image().brokers().get(id)?.logDirs ?? [])
  }

  /** The maximal ISR, and who is caught up and about to ask for its place (KIP-497, 966). */
  function counted(partition: Partition): readonly Follower[] {
    const { followers, maximalIsr } = partition
    if (maximalIsr.length > followers.length) return followers
    const end = partition.log!.endOffset()
    const now = clock.monotonic()
    const brokers = image().brokers()
    return followers.filter(
      (follower) =>
        maximalIsr.includes(follower.id) ||
        (isEligible(follower, brokers.get(follower.id)) &&
          isStored(partition, follower) &&
          isCaughtUp(follower, end, now, lagMsMax())),
    )
  }

  /** Moves the high watermark as far as all that count allow, and completes what waited for it. */
  function advance(partition: Partition): void {
    if (!leads(partition)) return
    const { context, log: own, minIsr } = partition
    if (own === undefined || context.isr.length < minIsr) return
    if (!isSynced(own)) syncOwn(partition, own)
    const next = highWatermark(countedEnd(own), counted(partition), partition.highWatermark)
    if (next === partition.highWatermark) return
    invariant(next > partition.highWatermark, 'P5: the high watermark never goes back', { next })
    partition.highWatermark = next
    const { commitWaiters } = partition
    let reached = 0
    while (reached < commitWaiters.length && commitWaiters[reached]!.offset <= next) reached++
    if (reached > 0) {
      for (const waiter of commitWaiters.splice(0, reached)) if (!waiter.gone) waiter.done(true)
    }
    pokeConsumers(partition)
  }

  /** What is appended meanwhile shares the next sync. */
  function syncOwn(partition: Partition, own: Log): void {
    if (syncing.has(partition)) return
    syncing.add(partition)
    own.flush().then(
      () => {
        syncing.delete(partition)
        try {
          advance(partition)
        } catch (why) {
          halt(why)
        }
      },
      // The log directory's failure is told by its own listener.
      () => syncing.delete(partition),
    )
  }

  const viewOf = (partition: Partition) => ({
    followers: partition.followers,
    isr: partition.context.isr,
    leaderEnd: partition.log!.endOffset(),
    epochStart: partition.epochStart,
    highWatermark: partition.highWatermark,
  })

  /** Its last word is not of a time long past: a fetch, or a session that still watches this partition. */
  function isFetching(partition: Partition, { lastFetchMs, session }: Follower): boolean {
    const since = clock.monotonic() - lagMsMax()
    if (lastFetchMs >= since) return true
    if (session === undefined || session.lastFetchMs < since) return false
    for (const entry of partition.replicaFetches) if (entry.session === session) return true
    return false
  }

  /** Asks for those who have caught up. */
  function reviewJoiners(partition: Partition): void {
    if (!leads(partition) || partition.context.isr.length > partition.followers.length) return
    if (partition.context.proposedIsr !== partition.context.isr) return
    const ready = joiners(viewOf(partition), image().brokers()).filter(
      (follower) => isStored(partition, follower) && isFetching(partition, follower),
    )
    if (ready.length === 0) return
    partition.joining = ready.map(({ id, brokerEpoch }) => ({ id, brokerEpoch }))
    send(partition, { type: 'caughtUp', replicas: ready.map(({ id }) => id) })
  }

  return {
    advance,
    reviewJoiners,

    beginLeading(partition: Partition): void {
      const { log: own, context, replicas } = partition
      if (own === undefined) return
      const end = own.endOffset()
      if ((own.latestEpoch() ?? -1) < context.leaderEpoch) own.assignEpoch(context.leaderEpoch, end)
      const now = clock.monotonic()
      partition.epochStart = end
      partition.joining = []
      partition.followers = replicas
        .filter((id) => id !== nodeId)
        .map((id) => newFollower(id, context.isr.includes(id), now))
      // The chart names it leader only when this event is done.
      partition.role = 'leader'
      advance(partition)
      pokeAll(partition)
    },

    endLeading(partition: Partition): void {
      partition.followers = []
      partition.joining = []
      partition.role = 'assigned'
      for (const waiter of takeWaiters(partition)) if (!waiter.gone) waiter.done(false)
      for (const look of partition.startWaiters) look()
      pokeAll(partition)
    },

    /** The controller changed the replicas of a partition that this broker goes on leading. */
    reassigned(partition: Partition): void {
      const now = clock.monotonic()
      const known = new Map(partition.followers.map((follower) => [follower.id, follower]))
      partition.followers = partition.replicas
        .filter((id) => id !== nodeId)
        .map((id) => known.get(id) ?? newFollower(id, partition.context.isr.includes(id), now))
    },

    isrCommitted(partition: Partition): void {
      const { topic, partition: index, context } = partition
      log.info(
        { topic, partition: index, isr: context.isr, partitionEpoch: context.partitionEpoch },
        'ISR committed',
      )
      partition.joining = []
      advance(partition)
    },

    /** Before an append at `end`: who was at the end was in sync until now. */
    beforeAppend(partition: Partition, end: number): void {
      for (const follower of partition.followers) noteAppend(follower, end)
    },

    /** A follower's fetch whose position lies on this log. */
    followerFetched(partition: Partition, entry: FetchEntry): ErrorName {
      const { replicaId, replicaEpoch } = entry.session
      const follower = partition.followers.find(({ id }) => id === replicaId)
      if (follower === undefined) {
        // Either side may be ahead of the other's assignment; an epoch says it is this one.
        return entry.currentLeaderEpoch >= 0 ? 'UNKNOWN_LEADER_EPOCH' : 'NOT_LEADER_OR_FOLLOWER'
      }
      const registered = image().brokers().get(replicaId)?.epoch ?? -1
      const isStale =
        replicaEpoch >= 0 && (replicaEpoch < registered || replicaEpoch < follower.brokerEpoch)
      if (isStale) return 'NOT_LEADER_OR_FOLLOWER'
      const before = follower.logEndOffset
      const { fetchOffset: offset, logStartOffset } = entry
      const end = partition.log!.endOffset()
      noteFetch(
        follower,
        { offset, logStartOffset, brokerEpoch: replicaEpoch },
        end,
        clock.monotonic(),
      )
      follower.session = entry.session
      for (const look of partition.startWaiters) look()
      reviewJoiners(partition)
      if (before !== offset) advance(partition)
      return 'NONE'
    },

    /** Those who lag leave; what only time decides is looked at. */
    sweep(partition: Partition): void {
      if (!leads(partition) || partition.followers.length === 0) return
      const { context } = partition
      if (context.proposedIsr === context.isr) {
        const late = laggards(viewOf(partition), clock.monotonic(), lagMsMax())
        if (late.length > 0) send(partition, { type: 'fellBehind', replicas: late })
      }
      reviewJoiners(partition)
      advance(partition)
    },

    setMinIsr(partition: Partition, minInSyncReplicas: number): void {
      const before = partition.minIsr
      partition.minIsr = effectiveMinIsr(minInSyncReplicas, Math.max(1, partition.replicas.length))
      if (partition.minIsr < before) advance(partition)
    },
  }
}
