/**
 * One replica as a row: what a broker keeps of a partition that it leads or follows. Plain data,
 * changed by the plain functions of this folder; what decides its part stands in its chart.
 *
 * Rows are many: lists that most never need are made on first use.
 */
import type { ActorRefFrom, StateValue } from 'xstate'
import { maximalIsr, type ReplicaContext, type replica } from '../../machines/replica.ts'
import type { Log, TopicPartition } from '../ports/log.ts'
import type { FetchEntry } from './fetch-session.ts'
import type { Follower } from './isr.ts'
import type { PartitionView } from './types.ts'

export type Role = 'assigned' | 'offline' | 'follower' | 'leader'

/** Calls `done(true)` once the high watermark reaches `offset` (exclusive end of what was appended). */
export type CommitWaiter = {
  readonly offset: number
  /** Set when nobody waits any more: it is dropped when met. */
  gone: boolean
  done(committed: boolean): void
}

export type Partition = TopicPartition & {
  readonly topicId: string
  /** undefined: its log directory failed. */
  log: Log | undefined
  /** From its chart, after each event. */
  role: Role
  context: ReplicaContext
  maximalIsr: readonly number[]
  value: StateValue
  /** Alive only while a timer of its chart runs or an event is being taken. */
  actor: ActorRefFrom<typeof replica> | undefined
  /** Events being taken right now, one inside another. */
  depth: number
  replicas: readonly number[]
  /** The other replicas, while this one leads. */
  followers: readonly Follower[]
  /** Ids and broker epochs of who is about to join, as they were when that was decided (P10). */
  joining: readonly { id: number; brokerEpoch: number }[]
  highWatermark: number
  /** Log end when this leadership began. */
  epochStart: number
  minIsr: number
  /** In order of offsets. */
  commitWaiters: CommitWaiter[]
  /** Looked at whenever a replica tells its log start. */
  startWaiters: ReadonlySet<() => void>
  /** Fetches that an append, and fetches that a higher high watermark, concern. */
  replicaFetches: Set<FetchEntry>
  consumerFetches: Set<FetchEntry>
  /** Deleted, or replaced by a topic of the same name. */
  removed: boolean
}

const noFetches: Set<FetchEntry> = Object.freeze(new Set<FetchEntry>()) as Set<FetchEntry>
const noStartWaiters: ReadonlySet<() => void> = new Set()
const noWaiters: CommitWaiter[] = Object.freeze([]) as unknown as CommitWaiter[]

export function newPartition(
  of: TopicPartition,
  topicId: string,
  log: Log | undefined,
  checkpointedHighWatermark: number,
): Partition {
  const context: ReplicaContext = {
    topicId,
    partition: of.partition,
    leader: -1,
    leaderEpoch: -1,
    partitionEpoch: -1,
    isr: [],
    proposedIsr: [],
  }
  return {
    topic: of.topic,
    partition: of.partition,
    topicId,
    log,
    role: 'assigned',
    context,
    maximalIsr: maximalIsr(context),
    value: 'assigned',
    actor: undefined,
    depth: 0,
    replicas: [],
    followers: [],
    joining: [],
    highWatermark: log
      ? Math.max(log.startOffset(), Math.min(checkpointedHighWatermark, log.endOffset()))
      : -1,
    epochStart: 0,
    minIsr: 1,
    commitWaiters: noWaiters,
    startWaiters: noStartWaiters,
    replicaFetches: noFetches,
    consumerFetches: noFetches,
    removed: false,
  }
}

/**
 * With flush.messages=1 a replica is counted by what it has synced, and Kafka's promise is ours: what
 * acks=all acknowledged is on the disk of each of the ISR. Appends of one sync share it.
 */
const countsSynced = (log: Log): boolean => log.config().flushMessages === 1

/** Whether all that this replica holds may be counted. */
export const isSynced = (log: Log): boolean =>
  !countsSynced(log) || log.recoveryPoint() >= log.endOffset()

/** Up to where it counts, exclusive. */
export const countedEnd = (log: Log): number =>
  countsSynced(log) ? Math.min(log.recoveryPoint(), log.endOffset()) : log.endOffset()

export function watch(partition: Partition, entry: FetchEntry): void {
  const kind = entry.session.replicaId >= 0 ? 'replicaFetches' : 'consumerFetches'
  if (partition[kind] === noFetches) partition[kind] = new Set()
  partition[kind].add(entry)
}

export function unwatch(partition: Partition, entry: FetchEntry): void {
  const kind = entry.session.replicaId >= 0 ? 'replicaFetches' : 'consumerFetches'
  if (partition[kind].delete(entry) && partition[kind].size === 0) partition[kind] = noFetches
}

export function waitForCommit(partition: Partition, waiter: CommitWaiter): void {
  const { commitWaiters } = partition
  if (commitWaiters.length === 0) {
    partition.commitWaiters = [waiter]
    return
  }
  // A retry waits for what was appended long before the last one.
  let at = commitWaiters.length
  while (at > 0 && commitWaiters[at - 1]!.offset > waiter.offset) at--
  if (at === commitWaiters.length) commitWaiters.push(waiter)
  else commitWaiters.splice(at, 0, waiter)
}

/** After a time-out: what nobody waits for any more does not pile up behind a standing high watermark. */
export function dropGoneWaiters(partition: Partition): void {
  partition.commitWaiters = partition.commitWaiters.filter(({ gone }) => !gone)
}

/** Who waits is told, and nobody waits any more. */
export function takeWaiters(partition: Partition): CommitWaiter[] {
  const waiters = partition.commitWaiters
  partition.commitWaiters = noWaiters
  return waiters
}

/** A row as handlers and coordinators see it. */
export const viewOf = (partition: Partition): PartitionView => ({
  topic: partition.topic,
  partition: partition.partition,
  topicId: partition.topicId,
  isLeader: () => partition.role === 'leader',
  leaderId: () => partition.context.leader,
  leaderEpoch: () => partition.context.leaderEpoch,
  logStartOffset: () => partition.log?.startOffset() ?? -1,
  logEndOffset: () => partition.log?.endOffset() ?? -1,
  highWatermark: () => partition.highWatermark,
  lastStableOffset: () => partition.highWatermark,
  readCommitted: (from, maxBytes) =>
    partition.log?.read(from, maxBytes, partition.highWatermark, true) ?? Buffer.alloc(0),
})
