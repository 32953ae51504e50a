/**
 * The fetched side of Fetch: followers' progress is noted, what can be read is read, and a fetch
 * that finds too little is parked until an append or the high watermark brings more.
 *
 * Source: KIP-227 (sessions), Kafka's DelayedFetch. A follower is answered when there are records
 * for it; a high watermark alone travels with the next answer, after replica.fetch.wait.max.ms at
 * the latest, as in Kafka (KAFKA-9731). An answer leaves in the turn that made it possible.
 */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import type { Departure } from '../connection/departure.ts'
import type { Clock } from '../ports/clock.ts'
import type {
  FetchEntry,
  FetchSession,
  FetchSessions,
  ParkedFetch,
  SessionRequest,
} from './fetch-session.ts'
import { type Partition, unwatch, watch } from './partition.ts'
import {
  type Divergence,
  empty,
  type Position,
  positionOf,
  readableBytes,
  readRecords,
  refused,
} from './read.ts'

export type FetchOptions = SessionRequest & {
  maxWaitMs: number
  minBytes: number
  maxBytes: number
  /** Only leaders answer: followers' fetches and consumers that do not know KIP-392. */
  leaderOnly: boolean
  /** How much there is room for now; asked when it is answered. */
  bytesLeft?: (() => number) | undefined
  /** Of who waits for records. */
  departure?: Departure | undefined
}

export type FetchedPartition = {
  topic: string
  topicId: string
  partition: number
  error: ErrorName
  highWatermark: number
  logStartOffset: number
  diverging: Divergence | undefined
  records: Buffer
  /** Whom to ask instead, with NOT_LEADER_OR_FOLLOWER and epoch errors. */
  row: Partition | undefined
}

export type Fetched = { sessionId: number; partitions: FetchedPartition[] }

type Ports = {
  clock: Clock
  sessions: FetchSessions
  find(entry: FetchEntry): Partition | undefined
  /** Why a partition that this broker does not host cannot be fetched. */
  missing(entry: FetchEntry): ErrorName
  /** A follower's fetch that lies on the leader's log: its progress. NONE, or why it does not count. */
  followerFetched(partition: Partition, entry: FetchEntry): ErrorName
}

export function createFetches({ clock, sessions, find, missing, followerFetched }: Ports) {
  /** The row of an entry, which from now on tells it of news. */
  function rowOf(entry: FetchEntry): Partition | undefined {
    if (entry.at !== undefined && !entry.at.removed) return entry.at
    if (entry.at !== undefined) unwatch(entry.at, entry)
    entry.at = find(entry)
    if (entry.at !== undefined) watch(entry.at, entry)
    return entry.at
  }

  function stand(entry: FetchEntry, leaderOnly: boolean): Position {
    const row = rowOf(entry)
    return row === undefined ? refused(missing(entry)) : positionOf(entry, row, leaderOnly)
  }

  /** Notes what a follower has, before anything is read for anybody. */
  function noteProgress(session: FetchSession, named: FetchEntry[]): Map<FetchEntry, ErrorName> {
    const errors = new Map<FetchEntry, ErrorName>()
    if (session.replicaId < 0) return errors
    for (const entry of named) {
      const position = stand(entry, true)
      if (position.kind !== 'readable') continue
      const error = followerFetched(position.partition, entry)
      if (error !== 'NONE') errors.set(entry, error)
    }
    return errors
  }

  /** @returns bytes that could be sent; Infinity when the answer cannot wait */
  function available(session: FetchSession, options: FetchOptions): number {
    let bytes = 0
    for (const entry of session.news) {
      const position = stand(entry, options.leaderOnly)
      if (position.kind !== 'readable') return Number.POSITIVE_INFINITY
      // Replicas follow a moved log start at once: who deletes records waits for them.
      const isFollower = session.replicaId >= 0
      if (isFollower && entry.toldLogStartOffset !== position.log.startOffset()) {
        return Number.POSITIVE_INFINITY
      }
      bytes += readableBytes(position.log, entry, position.upTo, options.minBytes)
      if (bytes >= options.minBytes && bytes > 0) return bytes
    }
    return bytes
  }

  function collect(
    session: FetchSession,
    options: FetchOptions,
    isFull: boolean,
    errors: ReadonlyMap<FetchEntry, ErrorName>,
  ): Fetched {
    const partitions: FetchedPartition[] = []
    let left = Math.min(options.maxBytes, options.bytesLeft?.() ?? options.maxBytes)
    let first = true
    for (const entry of [...session.news]) {
      const fetched = fetchOne(entry, Math.max(0, left), first, errors.get(entry))
      const { records, error, diverging, highWatermark, logStartOffset } = fetched
      if (records.length > 0) first = false
      left -= records.length
      const told =
        entry.toldHighWatermark === highWatermark && entry.toldLogStartOffset === logStartOffset
      const isNews = error !== 'NONE' || diverging !== undefined || records.length > 0
      if (isNews || isFull || !told) partitions.push(fetched)
      // Who must truncate does not take the high watermark: it is told when it has.
      entry.toldHighWatermark = diverging === undefined ? highWatermark : -1
      entry.toldLogStartOffset = logStartOffset
      if (isNews) {
        // Behind the others next time; it stays until a fetch finds nothing, since who fetches
        // the same offset again does not name it again.
        session.news.delete(entry)
        session.news.add(entry)
      } else if (!fetched.hasMore) session.news.delete(entry)
    }
    return { sessionId: sessions.release(session, isFull), partitions }

    function fetchOne(
      entry: FetchEntry,
      budget: number,
      minOneBatch: boolean,
      known: ErrorName | undefined,
    ): FetchedPartition & { hasMore: boolean } {
      const position = stand(entry, options.leaderOnly)
      const row = entry.at
      const fetched: FetchedPartition & { hasMore: boolean } = {
        topic: row?.topic ?? entry.topic,
        topicId: row?.topicId ?? entry.topicId,
        partition: entry.partition,
        error: known ?? 'NONE',
        highWatermark: -1,
        logStartOffset: -1,
        diverging: undefined,
        records: empty,
        row,
        hasMore: false,
      }
      if (known !== undefined) return fetched
      if (position.kind === 'refused') {
        fetched.error = position.error
        return fetched
      }
      if (options.maxBytes < 0 || entry.partitionMaxBytes < 0) {
        fetched.error = 'UNKNOWN_SERVER_ERROR' // as Kafka, which does not foresee such bounds
        return fetched
      }
      fetched.highWatermark = position.partition.highWatermark
      fetched.logStartOffset = position.partition.log?.startOffset() ?? -1
      if (position.kind === 'diverging') {
        fetched.diverging = position.diverging
        return fetched
      }
      const { log, upTo } = position
      if (upTo <= entry.fetchOffset) return fetched
      fetched.hasMore = true
      const max = Math.min(entry.partitionMaxBytes, budget)
      if (max === 0 && !minOneBatch) return fetched
      const { records, error } = readRecords(log, entry.fetchOffset, max, upTo, minOneBatch)
      fetched.records = records
      fetched.error = error
      return fetched
    }
  }

  return {
    /**
     * Answers at once, or when there is enough, something failed or the time is up.
     * @throws KafkaError with an error of the session
     */
    fetch(options: FetchOptions): Fetched | Promise<Fetched> {
      const { session, isFull } = sessions.of(options)
      // Who asks again no longer waits for the answer to the fetch before.
      session.parked?.giveUp()
      const errors = noteProgress(session, [...session.news])
      const respond = () => collect(session, options, isFull, errors)
      const cannotWait = options.maxWaitMs <= 0 || session.size === 0 || errors.size > 0
      if (cannotWait || available(session, options) >= options.minBytes) return respond()
      return new Promise((resolve, reject) => {
        let stay: (() => void) | undefined
        const leave = () => {
          clock.clearTimeout(timer)
          stay?.()
          if (session.parked === parked) session.parked = undefined
        }
        const finish = () => {
          leave()
          try {
            resolve(respond())
          } catch (error) {
            reject(error)
          }
        }
        const parked: ParkedFetch = {
          look: () => {
            if (available(session, options) >= options.minBytes) finish()
          },
          giveUp: () => {
            leave()
            resolve({ sessionId: session.id, partitions: [] })
          },
        }
        const timer = clock.setTimeout(finish, options.maxWaitMs)
        session.parked = parked
        stay = options.departure?.whenOver(() => {
          parked.giveUp()
          // Of a session of one request nothing is left; a kept one may be gone on with.
          sessions.release(session, isFull)
        })
      })
    },
  }
}

/** Followers learn at once that these logs have grown: one answer carries what it can of all. */
export function pokeFollowers(grown: readonly Partition[]): void {
  const sessions = new Set<FetchSession>()
  for (const { replicaFetches } of grown) {
    for (const entry of replicaFetches) {
      entry.session.news.add(entry)
      if (entry.session.parked !== undefined) sessions.add(entry.session)
    }
  }
  for (const { parked } of sessions) parked?.look()
}

/** Consumers learn at once that they may read on, followers with their next answer. */
export function pokeConsumers(partition: Partition): void {
  for (const entry of partition.replicaFetches) entry.session.news.add(entry)
  poke(partition.consumerFetches)
}

/** Role, epoch or log start changed. */
export function pokeAll(partition: Partition): void {
  poke(partition.replicaFetches)
  poke(partition.consumerFetches)
}

function poke(entries: Set<FetchEntry>): void {
  if (entries.size === 0) return
  for (const entry of entries) entry.session.news.add(entry)
  for (const entry of [...entries]) entry.session.parked?.look()
}
