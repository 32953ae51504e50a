/**
 * Follows one leader broker: one fetch session over the link for all partitions that it leads
 * and this broker follows.
 *
 * Source: KIP-227 (session), KIP-595 (truncation on fetch), KIP-903 (broker epoch). Sessions are
 * counted requests, so after a lost answer the session begins anew. A partition that comes to be
 * fetched while a fetch is parked at the leader does not wait for it: the next fetch of the session
 * is sent at once, and the leader lets go of the parked one. What it had answered by then counts all
 * the same, since it does not say it twice; where that is lost the session begins anew.
 *
 * Where a topic asks for it a fetch waits until all that it acknowledges is synced.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorName } from '../../transport/protocol/errors.ts'
import { LONG_MAX, ZERO_UUID } from '../../transport/protocol/schema.ts'
import type { Fetch } from '../../transport/schemas/01-fetch.ts'
import { InvariantError } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import { isSynced, type Partition } from './partition.ts'

type FetchRequest = Request<typeof Fetch>
type FetchResponse = Response<typeof Fetch>
export type FetchedData = FetchResponse['responses'][number]['partitions'][number]

/** One followed partition, from when fetching starts until it stops. */
type Following = {
  readonly partition: Partition
  readonly leaderEpoch: number
  /** As last sent; -1: the leader's session does not know of it yet. */
  sentOffset: number
  /** The round that named it last: earlier answers are of another position. */
  sentIn: number
  failures: number
}

export type FetcherSettings = {
  waitMsMax: number
  minBytes: number
  partitionBytesMax: number
  responseBytesMax: number
  backoffMsMax: number
  timeoutMs: number
}

/** What became of one partition's part of an answer. */
export type Taken = 'progressed' | 'nothingNew' | 'retry' | 'gone'

export type FetcherPorts = {
  leaderId: number
  nodeId: number
  clock: Clock
  log: Logger
  settings(): FetcherSettings
  brokerEpoch(): number
  /** Sends a Fetch to the leader. @throws LinkError */
  send(request: FetchRequest, timeoutMs: number): Promise<FetchResponse>
  find(of: { topicId: string; partition: number }): Partition | undefined
  /**
   * Appends, truncates, or finds out where to go on; an error of the partition included.
   * @param isRetry what came last time was refused
   */
  take(partition: Partition, data: FetchedData, error: ErrorName, isRetry: boolean): Taken
  /** Nobody is followed any more. */
  idle(): void
  halt(why: unknown): void
}

/** A full fetch: the leader begins a session. */
const INITIAL_EPOCH = 0
const RETRY_MS = 20
const INT32_MAX = 0x7fff_ffff

export type Fetcher = ReturnType<typeof createFetcher>

export function createFetcher(ports: FetcherPorts) {
  const { leaderId, nodeId, clock, log, settings, brokerEpoch, send, find, take, idle, halt } =
    ports
  const followed = new Map<Partition, Following>()
  const changed = new Set<Following>()
  /** Known to the leader's session and to be dropped from it. */
  const forgotten = new Map<string, { topicId: string; partition: number }>()
  /** `epoch` is of the next fetch. One that does not stand is to begin; the leader drops the former. */
  let session = { id: 0, epoch: INITIAL_EPOCH, stands: false }
  /** Counts fetches. */
  let round = 0
  /** The latest one whose answer was taken. */
  let roundTaken = 0
  let state: 'idle' | 'due' | 'fetching' | 'backingOff' = 'idle'
  let stopped = false
  let failures = 0
  /** The leader's session cache is full: every fetch names everything. */
  let hasNoSlot = false

  const keyOf = ({ topicId, partition }: Partition) => `${topicId} ${partition}`

  /** A new round in this turn, after all that it may already carry. */
  function schedule() {
    if (stopped || state === 'due' || state === 'backingOff') return
    // Before the session stands, its first answer is awaited: it comes at once.
    if (state === 'fetching' && !session.stands) return
    state = 'due'
    void Promise.resolve().then(fetch)
  }

  function backOff(ms: number) {
    state = 'backingOff'
    clock.setTimeout(() => {
      if (stopped) return
      state = 'idle'
      schedule()
    }, ms)
  }

  function restartSession() {
    session = { id: session.id, epoch: INITIAL_EPOCH, stands: false }
    forgotten.clear()
    for (const following of followed.values()) changed.add(following)
  }

  async function fetch(): Promise<void> {
    if (stopped || state !== 'due') return
    if (followed.size === 0 && (!session.stands || forgotten.size === 0)) {
      state = 'idle'
      idle()
      return
    }
    // A fetch without the registered epoch would count for an incarnation that is gone (KIP-903).
    if (brokerEpoch() < 0) return backOff(RETRY_MS)
    const behind = notSynced()
    if (behind.length > 0) {
      await Promise.all(behind.map(sync))
      return fetch()
    }
    const mine = ++round
    state = 'fetching'
    const { timeoutMs } = settings()
    const request = build()
    try {
      const answer = await send(request, timeoutMs)
      if (stopped) return
      if (mine !== round) return takeOvertaken(mine, request, answer)
      if (state === 'fetching') state = 'idle'
      handle(mine, request, answer)
    } catch (error) {
      if (error instanceof InvariantError) return halt(error)
      if (stopped) return
      if (mine !== round) return takeOvertaken(mine, request, undefined)
      if (failures++ === 0) log.info({ leaderId, err: error }, 'fetch from leader failed')
      restartSession()
      return backOff(pauseMs())
    }
    schedule()
  }

  const named = () => (session.stands ? changed : followed.values())

  const notSynced = (): Following[] =>
    [...named()].filter(({ partition }) => partition.log && !isSynced(partition.log))

  async function sync(following: Following): Promise<void> {
    const { partition } = following
    const own = partition.log!
    const before = own.recoveryPoint()
    try {
      await own.flush()
      if (own.recoveryPoint() <= before) retryLater(following)
    } catch {
      // The log directory's failure is told by its own listener.
      remove(partition)
    }
  }

  const pauseMs = () =>
    Math.min(settings().backoffMsMax, RETRY_MS * 2 ** Math.max(0, Math.min(failures - 1, 3)))

  /** What the leader told in it, it takes for known: it must have arrived, and in its order. */
  function takeOvertaken(mine: number, request: FetchRequest, answer: FetchResponse | undefined) {
    if (!session.stands || session.id !== request.sessionId) return
    if (answer?.errorCode === 0 && answer.responses.length === 0) return
    if (answer?.errorCode === 0 && mine > roundTaken) takeAll(mine, answer)
    else restartSession()
  }

  function build(): FetchRequest {
    const { waitMsMax, minBytes, partitionBytesMax, responseBytesMax } = settings()
    const topics = new Map<string, FetchRequest['topics'][number]>()
    for (const following of named()) {
      const { partition, leaderEpoch } = following
      const { topicId, partition: index, log: own } = partition
      if (own === undefined) continue
      following.sentOffset = own.endOffset()
      following.sentIn = round
      let topic = topics.get(topicId)
      if (topic === undefined) {
        topic = { topic: '', topicId, partitions: [] }
        topics.set(topicId, topic)
      }
      topic.partitions.push({
        partition: index,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: following.sentOffset,
        lastFetchedEpoch: own.latestEpoch() ?? -1,
        logStartOffset: own.startOffset(),
        partitionMaxBytes: partitionBytesMax,
        replicaDirectoryId: ZERO_UUID,
        highWatermark: LONG_MAX,
      })
    }
    changed.clear()
    const forgottenTopicsData = [...forgotten.values()].map(({ topicId, partition }) => ({
      topic: '',
      topicId,
      partitions: [partition],
    }))
    forgotten.clear()
    const { id: sessionId, epoch: sessionEpoch } = session
    session.epoch = nextEpoch(sessionEpoch)
    return {
      clusterId: null,
      replicaId: -1,
      replicaState: { replicaId: nodeId, replicaEpoch: brokerEpoch() },
      // The first answer begins the session; until then nothing could interrupt a parked fetch.
      maxWaitMs: !session.stands && !hasNoSlot ? 0 : waitMsMax,
      minBytes,
      maxBytes: responseBytesMax,
      isolationLevel: 0,
      sessionId,
      sessionEpoch,
      topics: [...topics.values()],
      forgottenTopicsData,
      rackId: '',
    }
  }

  function handle(mine: number, request: FetchRequest, answer: FetchResponse): void {
    const error = errorName(answer.errorCode)
    if (error !== 'NONE') {
      log.info({ leaderId, error, sessionId: session.id }, 'fetch session begins anew')
      restartSession()
      // A session that is gone is begun at once, what else is wrong may last.
      if (failures++ > 0) backOff(pauseMs())
      return
    }
    failures = 0
    if (request.sessionEpoch === INITIAL_EPOCH) {
      hasNoSlot = answer.sessionId === 0
      session = { id: answer.sessionId, epoch: INITIAL_EPOCH + 1, stands: !hasNoSlot }
      if (hasNoSlot) restartSession()
    }
    takeAll(mine, answer)
  }

  function takeAll(mine: number, answer: FetchResponse): void {
    roundTaken = mine
    for (const { topicId, partitions } of answer.responses) {
      for (const data of partitions) {
        const partition = find({ topicId, partition: data.partitionIndex })
        const following = partition && followed.get(partition)
        if (following !== undefined && following.sentIn <= mine) handleOne(following, data)
      }
    }
  }

  function handleOne(following: Following, data: FetchedData): void {
    const { partition, leaderEpoch, sentOffset } = following
    // Not what this answer is about: it has begun anew since the request, or was cut.
    if (sentOffset < 0 || leaderEpoch !== partition.context.leaderEpoch) return
    if (partition.log?.endOffset() !== sentOffset) return
    const taken = take(partition, data, errorName(data.errorCode), following.failures > 0)
    if (taken === 'retry') retryLater(following)
    else if (taken === 'gone') remove(partition)
    else following.failures = 0
    if (taken === 'progressed' && followed.get(partition) === following) changed.add(following)
  }

  /** Out of the session for a while, since an error is answered at once. */
  function retryLater(following: Following): void {
    const { partition } = following
    if (followed.get(partition) !== following) return
    remove(partition)
    const ms = Math.min(settings().backoffMsMax, RETRY_MS * 2 ** Math.min(following.failures, 10))
    const again = { ...following, sentOffset: -1, failures: following.failures + 1 }
    waiting.set(
      partition,
      clock.setTimeout(() => {
        waiting.delete(partition)
        join(again)
      }, ms),
    )
  }
  const waiting = new Map<Partition, ReturnType<Clock['setTimeout']>>()

  function join(following: Following): void {
    if (stopped || following.partition.removed) return
    followed.set(following.partition, following)
    forgotten.delete(keyOf(following.partition))
    changed.add(following)
    schedule()
  }

  function remove(partition: Partition): void {
    const following = followed.get(partition)
    if (following === undefined) return
    followed.delete(partition)
    changed.delete(following)
    if (following.sentOffset >= 0 && session.stands) {
      const { topicId, partition: index } = partition
      forgotten.set(keyOf(partition), { topicId, partition: index })
    }
  }

  return {
    add(partition: Partition): void {
      const { leaderEpoch } = partition.context
      join({ partition, leaderEpoch, sentOffset: -1, sentIn: 0, failures: 0 })
    },
    remove(partition: Partition): void {
      const timer = waiting.get(partition)
      if (timer !== undefined) clock.clearTimeout(timer)
      waiting.delete(partition)
      remove(partition)
    },
    isEmpty: () => followed.size === 0 && waiting.size === 0,
    stop(): void {
      stopped = true
      for (const timer of waiting.values()) clock.clearTimeout(timer)
      waiting.clear()
      followed.clear()
    },
  }
}

const nextEpoch = (epoch: number) => (epoch === INT32_MAX ? 1 : epoch + 1)
