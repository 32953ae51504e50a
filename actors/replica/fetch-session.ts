/**
 * Fetch sessions as the fetched side keeps them: what one fetcher wants, what it was told, and which
 * of it has news. A fetch that has nothing to say of a partition does not name it.
 *
 * Source: KIP-227. The cache is bounded (max.incremental.fetch.session.cache.slots); who finds it
 * full goes without a session. A session keeps the set of its entries that may have news, fed by
 * appends and high watermarks, so that a fetch costs what it returns and not what it watches.
 */
import { type ErrorName, errorCodes, KafkaError } from '../../transport/protocol/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { type Partition, unwatch } from './partition.ts'

/** What a Fetch says of one partition. */
export type FetchWish = {
  topic: string
  topicId: string
  partition: number
  fetchOffset: number
  /** -1: not told. */
  currentLeaderEpoch: number
  lastFetchedEpoch: number
  logStartOffset: number
  partitionMaxBytes: number
}

export type FetchEntry = FetchWish & {
  readonly session: FetchSession
  /** The row that tells it of news. */
  at: Partition | undefined
  /** What the last answer said, so that the next need not. */
  toldHighWatermark: number
  toldLogStartOffset: number
}

/** A fetch that waits for news. */
export type ParkedFetch = {
  /** Looks whether there is enough now. */
  look(): void
  /** Nobody waits for its answer any more. */
  giveUp(): void
}

export type FetchSession = {
  /** 0: it lives for one request. */
  readonly id: number
  /** The one that the next incremental fetch must carry. */
  epoch: number
  /** -1: a consumer. */
  readonly replicaId: number
  replicaEpoch: number
  readonly usesTopicIds: boolean
  readonly entries: Map<string, Map<number, FetchEntry>>
  /** Entries that may have news, the longest waiting first. */
  readonly news: Set<FetchEntry>
  parked: ParkedFetch | undefined
  lastFetchMs: number
  size: number
}

/** What a Fetch says of its session. */
export type SessionRequest = {
  sessionId: number
  sessionEpoch: number
  replicaId: number
  replicaEpoch: number
  usesTopicIds: boolean
  wishes: FetchWish[]
  forgotten: { topic: string; topicId: string; partitions: number[] }[]
}

const FINAL_EPOCH = -1
const INITIAL_EPOCH = 0
const INT32_MAX = 0x7fff_ffff

type Ports = { clock: Clock; random: Random; slots(): number; evictionMs(): number }

export type FetchSessions = ReturnType<typeof createFetchSessions>

export function createFetchSessions({ clock, random, slots, evictionMs }: Ports) {
  /** Least recently used first. */
  const cache = new Map<number, FetchSession>()
  /** Replica → the session that told last how far it is. */
  const tellers = new Map<number, FetchSession>()

  function newId(): number {
    for (;;) {
      const id = 1 + random.below(INT32_MAX - 1)
      if (!cache.has(id)) return id
    }
  }

  function close(session: FetchSession) {
    cache.delete(session.id)
    for (const partitions of session.entries.values()) {
      for (const entry of partitions.values()) detach(entry)
    }
    session.entries.clear()
    session.news.clear()
    session.parked?.giveUp()
  }

  /** Followers push consumers out; others only who was idle for long. */
  function makeRoom(isFollower: boolean, nowMs: number): boolean {
    if (cache.size < slots()) return true
    for (const session of cache.values()) {
      const idle = nowMs - session.lastFetchMs > evictionMs()
      if (!idle && !(isFollower && session.replicaId < 0)) continue
      close(session)
      return true
    }
    return false
  }

  function begin(request: SessionRequest, wantsSession: boolean, nowMs: number): FetchSession {
    const kept = wantsSession && makeRoom(request.replicaId >= 0, nowMs)
    const session: FetchSession = {
      id: kept ? newId() : 0,
      epoch: 1,
      replicaId: request.replicaId,
      replicaEpoch: request.replicaEpoch,
      usesTopicIds: request.usesTopicIds,
      entries: new Map(),
      news: new Set(),
      parked: undefined,
      lastFetchMs: nowMs,
      size: 0,
    }
    if (kept) cache.set(session.id, session)
    if (session.replicaId >= 0) tellers.set(session.replicaId, session)
    for (const wish of request.wishes) wishFor(session, wish)
    return session
  }

  function resume(request: SessionRequest, nowMs: number): FetchSession {
    const session = cache.get(request.sessionId)
    if (session === undefined || session.replicaId !== request.replicaId) {
      throw sessionError('FETCH_SESSION_ID_NOT_FOUND', request)
    }
    if (session.epoch !== request.sessionEpoch) {
      throw sessionError('INVALID_FETCH_SESSION_EPOCH', request)
    }
    if (session.usesTopicIds !== request.usesTopicIds) {
      throw sessionError('FETCH_SESSION_TOPIC_ID_ERROR', request)
    }
    session.epoch = session.epoch === INT32_MAX ? 1 : session.epoch + 1
    const isToldElsewhere = session.replicaId >= 0 && tellers.get(session.replicaId) !== session
    if (isToldElsewhere || session.replicaEpoch !== request.replicaEpoch) {
      // Registered anew, or a late copy of a full fetch told what is over: what it holds counts again,
      // of idle partitions, too (N1).
      session.replicaEpoch = request.replicaEpoch
      if (isToldElsewhere) tellers.set(session.replicaId, session)
      for (const of of session.entries.values()) {
        for (const entry of of.values()) session.news.add(entry)
      }
    }
    session.lastFetchMs = nowMs
    cache.delete(session.id)
    cache.set(session.id, session)
    for (const wish of request.wishes) wishFor(session, wish)
    for (const { topic, topicId, partitions } of request.forgotten) {
      for (const partition of partitions) forget(session, topicId, topic, partition)
    }
    return session
  }

  return {
    /**
     * The session a Fetch belongs to, with its wishes taken in, and whether it names all it wants.
     * @throws KafkaError with the session's error, which the answer carries at its top
     */
    of(request: SessionRequest): { session: FetchSession; isFull: boolean } {
      const nowMs = clock.monotonic()
      const { sessionId, sessionEpoch } = request
      const isFull = sessionEpoch === FINAL_EPOCH || sessionEpoch === INITIAL_EPOCH
      if (!isFull) return { session: resume(request, nowMs), isFull }
      const former = sessionId === 0 ? undefined : cache.get(sessionId)
      if (former !== undefined && former.replicaId === request.replicaId) close(former)
      return { session: begin(request, sessionEpoch === INITIAL_EPOCH, nowMs), isFull }
    },
    /**
     * A session of one request ends with it, a kept one when it is asked again and still without wishes.
     * @returns the id that the answer tells
     */
    release(session: FetchSession, isFull: boolean): number {
      const isUnused = session.size === 0 && !isFull
      if (session.id === 0 || isUnused) close(session)
      return isUnused ? 0 : session.id
    },
    size: () => cache.size,
    closeAll(): void {
      for (const session of [...cache.values()]) close(session)
      tellers.clear()
    },
  }
}

const sessionError = (code: ErrorName, { sessionId, sessionEpoch }: SessionRequest) =>
  new KafkaError(code, `fetch session ${sessionId} at epoch ${sessionEpoch} (${errorCodes[code]})`)

function wishFor(session: FetchSession, wish: FetchWish): void {
  const key = session.usesTopicIds ? wish.topicId : wish.topic
  let partitions = session.entries.get(key)
  if (partitions === undefined) {
    partitions = new Map()
    session.entries.set(key, partitions)
  }
  let entry = partitions.get(wish.partition)
  if (entry === undefined) {
    entry = { ...wish, session, at: undefined, toldHighWatermark: -2, toldLogStartOffset: -2 }
    partitions.set(wish.partition, entry)
    session.size++
  } else {
    entry.fetchOffset = wish.fetchOffset
    entry.currentLeaderEpoch = wish.currentLeaderEpoch
    entry.lastFetchedEpoch = wish.lastFetchedEpoch
    entry.logStartOffset = wish.logStartOffset
    entry.partitionMaxBytes = wish.partitionMaxBytes
  }
  session.news.add(entry)
}

function forget(session: FetchSession, topicId: string, topic: string, partition: number): void {
  const key = session.usesTopicIds ? topicId : topic
  const partitions = session.entries.get(key)
  const entry = partitions?.get(partition)
  if (partitions === undefined || entry === undefined) return
  partitions.delete(partition)
  if (partitions.size === 0) session.entries.delete(key)
  session.news.delete(entry)
  session.size--
  detach(entry)
}

function detach(entry: FetchEntry): void {
  if (entry.at !== undefined) unwatch(entry.at, entry)
  entry.at = undefined
}
