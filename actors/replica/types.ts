/** What handlers and coordinators of a broker may ask of the partitions it hosts. */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import type { Departure } from '../connection/departure.ts'
import type { RecordError, TopicPartition } from '../ports/log.ts'

/** How one partition's append ended. An acks=all that timed out is an unknown outcome. */
export type AppendResult = {
  error: ErrorName
  message: string | null
  baseOffset: number
  logAppendTimeMs: number
  logStartOffset: number
  /** Absent: the batch was refused or taken as a whole. */
  recordErrors?: readonly RecordError[]
}

export type AppendOptions = {
  requiredAcks: -1 | 0 | 1
  timeoutMs: number
  origin: 'client' | 'coordinator'
  /** Of who waits for the replicas. */
  departure?: Departure | undefined
}

/** A partition that this broker leads or follows, as others see it. */
export type PartitionView = TopicPartition & {
  readonly topicId: string
  isLeader(): boolean
  leaderId(): number
  leaderEpoch(): number
  logStartOffset(): number
  logEndOffset(): number
  /** -1 while unknown. */
  highWatermark(): number
  lastStableOffset(): number
  /** Local read below the high watermark, whatever the role; for coordinators that load. */
  readCommitted(from: number, maxBytes: number): Buffer
}

export type ReplicaManager = {
  get(of: TopicPartition): PartitionView | undefined
  partitions(): Iterable<PartitionView>
  /** Appends to partitions that this broker leads; answers at once or when acks are satisfied. */
  append(
    of: TopicPartition,
    records: Buffer,
    options: AppendOptions,
  ): AppendResult | Promise<AppendResult>
  /** Calls once when the high watermark of a partition passes `offset`, or leadership is lost (false). */
  whenCommitted(of: TopicPartition, offset: number, then: (committed: boolean) => void): void
}
