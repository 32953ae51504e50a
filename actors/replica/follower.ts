/**
 * What a follower does with what its leader sends: cut what the two do not share, append whole
 * batches as they are, take over the high watermark and the log start.
 *
 * Source: KIP-101, 320 and 595 (truncation by leader epoch), Kafka's ReplicaFetcherThread.
 */

import type { Link } from '../../transport/links/link.ts'
import { call } from '../../transport/links/rpc.ts'
import { type ErrorName, errorName, KafkaError } from '../../transport/protocol/errors.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { ListOffsets } from '../../transport/schemas/02-list-offsets.ts'
import { InvariantError } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import { type Log, StorageError } from '../ports/log.ts'
import type { SendToReplica } from './charts.ts'
import { pokeAll, pokeConsumers } from './fetch.ts'
import {
  createFetcher,
  type FetchedData,
  type Fetcher,
  type FetcherSettings,
  type Taken,
} from './fetcher.ts'
import type { Partition } from './partition.ts'
import { empty, endOfEpoch } from './read.ts'

type Ports = {
  nodeId: number
  link: Link
  clock: Clock
  log: Logger
  settings(): FetcherSettings
  brokerEpoch(): number
  find(of: { topicId: string; partition: number }): Partition | undefined
  send: SendToReplica
  halt(why: unknown): void
}

const FETCH_VERSION = 18
const LIST_OFFSETS_VERSION = 9
const LATEST = -1
const EARLIEST = -2

export type Followers = ReturnType<typeof createFollowing>

export function createFollowing(ports: Ports) {
  const { nodeId, link, clock, log, settings, brokerEpoch, find, send, halt } = ports
  const fetchers = new Map<number, Fetcher>()
  let stopped = false

  function fetcherOf(leaderId: number): Fetcher {
    const running = fetchers.get(leaderId)
    if (running !== undefined) return running
    const fetcher = createFetcher({
      leaderId,
      nodeId,
      clock,
      log,
      settings,
      brokerEpoch,
      send: (request, timeoutMs) =>
        call(link, Fetch, FETCH_VERSION, leaderId, request, { timeoutMs, lane: 'bulk' }),
      find,
      take,
      idle: () => {
        if (!fetcher.isEmpty() || fetchers.get(leaderId) !== fetcher) return
        fetchers.delete(leaderId)
        fetcher.stop()
      },
      halt,
    })
    fetchers.set(leaderId, fetcher)
    return fetcher
  }

  function take(
    partition: Partition,
    data: FetchedData,
    error: ErrorName,
    isRetry: boolean,
  ): Taken {
    const own = partition.log
    if (own === undefined) return 'gone'
    try {
      if (error !== 'NONE') return takeError(partition, own, error)
      const { divergingEpoch } = data
      if (divergingEpoch.epoch >= 0 || divergingEpoch.endOffset >= 0) {
        const before = [own.endOffset(), own.latestEpoch()]
        send(partition, { type: 'diverged', ...divergingEpoch })
        // What is left lies before the leader's log: nobody can tell any more whether the two shared it.
        if (own.startOffset() < own.endOffset() && own.endOffset() <= data.logStartOffset) {
          beginAnew(partition, own, data.logStartOffset)
        }
        const isCut = own.endOffset() !== before[0] || own.latestEpoch() !== before[1]
        return isCut ? 'nothingNew' : 'retry'
      }
      const before = own.endOffset()
      const startBefore = own.startOffset()
      const records = data.records ?? empty
      // A gap that is there again is the leader's own: its topic was compacted once.
      if (records.length > 0) own.appendAsFollower(records, partition.context.leaderEpoch, isRetry)
      takeBounds(partition, own, data)
      const moved = own.endOffset() > before || own.startOffset() > startBefore
      return moved ? 'progressed' : 'nothingNew'
    } catch (cause) {
      if (cause instanceof StorageError) return 'gone'
      if (!(cause instanceof KafkaError)) throw cause
      const { topic, partition: index } = partition
      log.warn({ topic, partition: index, err: cause }, 'fetched records refused')
      return 'retry'
    }
  }

  /** The leader's high watermark counts, a lower one too: right after an election it may lag. */
  function takeBounds(partition: Partition, own: Log, data: FetchedData): void {
    const highWatermark = Math.max(own.startOffset(), Math.min(data.highWatermark, own.endOffset()))
    const moved = highWatermark !== partition.highWatermark
    partition.highWatermark = highWatermark
    if (data.logStartOffset > own.startOffset() && data.logStartOffset <= highWatermark) {
      own.advanceStartOffset(data.logStartOffset)
    }
    if (moved) pokeConsumers(partition)
  }

  function takeError(partition: Partition, own: Log, error: ErrorName): Taken {
    if (error === 'OFFSET_OUT_OF_RANGE') {
      void reposition(partition, own)
      return 'gone'
    }
    log.debug({ topic: partition.topic, partition: partition.partition, error }, 'fetch refused')
    return 'retry'
  }

  /** The log lies outside the leader's: beyond its end, or wholly before its start. */
  async function reposition(partition: Partition, own: Log): Promise<void> {
    const { leader, leaderEpoch } = partition.context
    const still = () =>
      !stopped && !partition.removed && partition.context.leaderEpoch === leaderEpoch
    try {
      const end = await offsetAt(partition, LATEST)
      const start = await offsetAt(partition, EARLIEST)
      if (!still()) return
      if (end < own.endOffset()) truncateTo(partition, own, end)
      else if (start > own.endOffset()) beginAnew(partition, own, start)
    } catch (cause) {
      if (cause instanceof InvariantError) return halt(cause)
      if (cause instanceof StorageError) return
      log.info({ leader, err: cause }, 'leader did not tell its offsets')
      await new Promise<void>((resolve) =>
        clock.setTimeout(resolve, Math.min(1_000, settings().backoffMsMax)),
      )
    }
    if (still() && partition.role === 'follower') fetcherOf(leader).add(partition)
  }

  function beginAnew(partition: Partition, own: Log, start: number): void {
    const { topic, partition: index } = partition
    const fields = { topic, partition: index, start, end: own.endOffset() }
    log.warn(fields, "log begins anew at the leader's start")
    own.truncateFullyAndStartAt(start)
    partition.highWatermark = start
    pokeAll(partition)
  }

  async function offsetAt(partition: Partition, timestamp: number): Promise<number> {
    const { leader, leaderEpoch: currentLeaderEpoch } = partition.context
    const answer = await call(
      link,
      ListOffsets,
      LIST_OFFSETS_VERSION,
      leader,
      {
        replicaId: nodeId,
        isolationLevel: 0,
        topics: [
          {
            name: partition.topic,
            partitions: [{ partitionIndex: partition.partition, currentLeaderEpoch, timestamp }],
          },
        ],
        timeoutMs: 0,
      },
      { timeoutMs: settings().timeoutMs, lane: 'bulk' },
    )
    const told = answer.topics[0]?.partitions[0]
    if (told === undefined || told.errorCode !== 0) {
      throw new KafkaError(errorName(told?.errorCode ?? -1), 'ListOffsets refused')
    }
    return told.offset
  }

  function truncateTo(partition: Partition, own: Log, offset: number): void {
    if (offset < own.endOffset()) {
      const { topic, partition: index, highWatermark } = partition
      const fields = { topic, partition: index, from: own.endOffset(), to: offset, highWatermark }
      if (offset < highWatermark) log.warn(fields, 'truncated below the high watermark')
      else log.info(fields, 'truncated')
    }
    own.truncateTo(Math.min(offset, own.endOffset()))
    partition.highWatermark = Math.min(partition.highWatermark, own.endOffset())
    pokeAll(partition)
  }

  return {
    start(partition: Partition): void {
      if (!stopped && partition.log !== undefined)
        fetcherOf(partition.context.leader).add(partition)
    },
    stop(partition: Partition): void {
      for (const fetcher of fetchers.values()) fetcher.remove(partition)
    },
    /**
     * With the leader's word: to the smaller of its end and our own end for that epoch. Without:
     * a log that knows epochs lets the first fetch tell, an older one keeps what was committed.
     */
    truncate(partition: Partition, to?: { epoch: number; endOffset: number }): void {
      const own = partition.log
      if (own === undefined) return
      try {
        if (to === undefined) {
          if (own.latestEpoch() === undefined) truncateTo(partition, own, partition.highWatermark)
          return
        }
        // Of an epoch older than all of ours nothing is here.
        const ours = Math.max(own.startOffset(), endOfEpoch(own, to.epoch).endOffset)
        // Below our log start, too: what the leader holds there would stay missing here.
        truncateTo(partition, own, Math.min(ours, to.endOffset))
      } catch (cause) {
        // The log directory's failure is told by its own listener.
        if (!(cause instanceof StorageError)) throw cause
      }
    },
    stopAll(): void {
      stopped = true
      for (const fetcher of fetchers.values()) fetcher.stop()
      fetchers.clear()
    },
  }
}
