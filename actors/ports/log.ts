/**
 * One partition's log, as its replica sees it: an append-only run of record batches.
 *
 * Offsets are exclusive where they end something. Appends and reads are synchronous (page cache);
 * durability is awaited apart from them. Every method throws `StorageError` when the disk fails.
 */

import { type ErrorName, KafkaError } from '../../transport/protocol/errors.ts'

/** The disk failed (EIO, ENOSPC, a failed sync): its log directory is offline from now on. */
export class StorageError extends Error {
  readonly directory: string
  constructor(directory: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StorageError'
    this.directory = directory
  }
}

export type TopicPartition = { topic: string; partition: number }

/** What of a topic's configuration its logs obey; Kafka's names in camelCase, bytes and ms. */
export type LogConfig = {
  segmentBytes: number
  segmentMs: number
  segmentJitterMs: number
  segmentIndexBytes: number
  indexIntervalBytes: number
  retentionBytes: number // -1: no bound
  retentionMs: number // -1: no bound
  maxMessageBytes: number
  cleanupPolicy: ('delete' | 'compact')[]
  messageTimestampType: 'CreateTime' | 'LogAppendTime'
  messageTimestampBeforeMaxMs: number
  messageTimestampAfterMaxMs: number
  compressionType: 'producer' | 'uncompressed' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  fileDeleteDelayMs: number
  flushMessages: number
  flushMs: number
  deleteRetentionMs: number
  minCompactionLagMs: number
  maxCompactionLagMs: number
  minCleanableDirtyRatio: number
  producerIdExpirationMs: number // broker's producer.id.expiration.ms
}

/** Where an append went. A duplicate of one of a producer's last five batches tells the original. */
export type Appended = {
  baseOffset: number
  lastOffset: number
  /** -1 with CreateTime, else the time that was stamped; of a duplicate, its original's largest time. */
  logAppendTimeMs: number
  duplicate: boolean
}

/** A record that a leader refused, and why: told by its place in the batch (KIP-467). */
export type RecordError = { batchIndex: number; message: string }

/** A batch refused for some of its records, which it names. */
export class RecordValidationError extends KafkaError {
  readonly recordErrors: readonly RecordError[]
  constructor(code: ErrorName, message: string, recordErrors: readonly RecordError[]) {
    super(code, message)
    this.name = 'RecordValidationError'
    this.recordErrors = recordErrors
  }
}

export type LeaderAppend = {
  leaderEpoch: number
  /** Wall clock ms, for LogAppendTime and timestamp bounds. */
  nowMs: number
  /** 'raft' may write control batches; 'client' may not, and obeys `maxMessageBytes`. */
  origin: 'client' | 'coordinator' | 'raft'
}

export type FileOffset = { offset: number; timestamp: number; leaderEpoch: number }

/** What compaction would find (KIP-58, KIP-354). */
export type Cleanable = {
  /** Bytes not yet compacted, of all that may be. */
  dirtyRatio: number
  /** By `min.cleanable.dirty.ratio` or `max.compaction.lag.ms`. */
  isDue: boolean
}

/** The broker's `log.cleaner.*`. */
export type CleanerLimits = {
  mapBytesMax: number
  mapLoadFactor: number
  bytesPerSecondMax: number
}

export type Cleaned = { cleanedTo: number; bytesBefore: number; bytesAfter: number }

export type Log = TopicPartition & {
  readonly topicId: string
  /** The uuid of the log directory it lives in. */
  readonly directoryId: string
  startOffset(): number
  /** One past the last record. */
  endOffset(): number
  /** All below is on disk for certain. */
  recoveryPoint(): number
  sizeBytes(): number
  /**
   * Set where the start found less than the recovery point promised, or sound batches (up to
   * `heldEnd`) behind bad ones: the log was cut to `endOffset`.
   */
  damage(): { endOffset: number; recoveryPoint: number; heldEnd: number } | undefined
  /**
   * Less is there than the recovery point promised, and has not come again: the replica must not be
   * counted or lead by this log (S2). Restarts do not forget it.
   */
  isSuspect(): boolean
  /** The replica has caught up with its leader: what the start found missing is of no account. */
  trust(): void
  config(): LogConfig
  reconfigure(config: LogConfig): void

  /**
   * Validates (magic, length, CRC, counts, a client's records, producer epochs and sequences),
   * assigns offsets, times and the leader epoch in place, and writes `records` as one append.
   * @throws KafkaError with Produce's codes, RecordValidationError: nothing was stored
   */
  appendAsLeader(records: Buffer, how: LeaderAppend): Appended
  /**
   * Appends what a leader of `leaderEpoch` sent, offsets as they are: whole, checksum-valid
   * batches, dense from the log end, with epochs not above `leaderEpoch` (P20). A torn last batch
   * is left out.
   * @param mayHaveGaps also where nothing here says that the topic was ever compacted
   * @throws KafkaError CORRUPT_MESSAGE: nothing was stored
   */
  appendAsFollower(
    records: Buffer,
    leaderEpoch: number,
    mayHaveGaps?: boolean,
  ): Appended | undefined

  /**
   * Whole batches from the one that holds `from`, ending at or below `upTo`.
   * @param maxBytes a first batch above it is returned all the same when `minOneBatch`
   * @throws KafkaError OFFSET_OUT_OF_RANGE
   */
  read(from: number, maxBytes: number, upTo: number, minOneBatch: boolean): Buffer

  /** The newest epoch in the table, or undefined when there is none. */
  latestEpoch(): number | undefined
  /** The epoch that `offset` was written in, or undefined. */
  epochAt(offset: number): number | undefined
  /**
   * The largest epoch not above the asked one and its end (KIP-320, KIP-595). Older than all that is
   * known: it had ended, perhaps below the log start, where the first of them began. undefined: none is
   * known.
   */
  endOffsetFor(epoch: number): { epoch: number; endOffset: number } | undefined
  /** Enters (epoch, start offset) of a leadership that begins, before any append (P14). */
  assignEpoch(epoch: number, startOffset: number): void

  /**
   * Cuts the log so that it ends at `offset`; the epoch table shrinks with it. A batch that `offset`
   * lies within goes as a whole, so the end may be lower.
   */
  truncateTo(offset: number): void
  /** Drops everything; the log is empty and begins at `offset`. */
  truncateFullyAndStartAt(offset: number): void
  /** Moves the log start (DeleteRecords, retention, a snapshot); whole segments below it go. */
  advanceStartOffset(offset: number): void

  /** First record at or after a timestamp, in offset order; undefined: none. */
  offsetForTimestamp(timestamp: number, upTo: number): FileOffset | undefined
  /** The record with the largest timestamp; undefined: empty. */
  maxTimestamp(upTo: number): FileOffset | undefined

  /** Where the batch that holds `offset` stands, for the size of what lies between two offsets. */
  bytesBetween(from: number, to: number): number

  /**
   * Makes durable what is appended by now; one sync in flight, later callers share the next one.
   * @returns the end offset that is durable. A range that was truncated meanwhile does not count (S14).
   */
  flush(): Promise<number>
  /** Begins a flush where `flush.ms` or `flush.messages` ask for one: an idle log is told the time. */
  flushIfDue(nowMs: number): void
  /** Rolls and deletes as the configuration says; nothing at or above `highWatermark`. */
  applyRetention(
    highWatermark: number,
    nowMs: number,
  ): { deletedSegments: number; startOffset: number }
  roll(): void

  /** What `clean` would have to do; undefined: nothing. */
  cleanable(lastStableOffset: number, nowMs: number): Cleanable | undefined
  /**
   * Removes what later values of the same keys supersede, in slices. Nothing at or behind
   * `lastStableOffset` or in the active segment is touched (S9). A cut or a removal ends it.
   * @returns undefined: there was nothing to do, or it was ended
   * @throws KafkaError CORRUPT_MESSAGE, INVALID_RECORD: a batch that cannot be read
   */
  clean(
    lastStableOffset: number,
    nowMs: number,
    limits: CleanerLimits,
  ): Promise<Cleaned | undefined>

  /** Active producers, for DescribeProducers and checks (I4). */
  producers(): {
    producerId: number
    epoch: number
    lastSequence: number
    lastOffset: number
    lastTimestamp: number
    coordinatorEpoch: number
    currentTxnFirstOffset: number | undefined
  }[]
}

export type LogDirectory = { id: string; path: string; online: boolean }

/** All logs of one broker, over its log directories. */
export type LogStore = {
  directories(): LogDirectory[]
  /** Of the volume that a directory lies on; undefined where the system does not say. */
  space(directoryId: string): { totalBytes: number; usableBytes: number } | undefined
  /** Broker epoch that the last clean stop left, or -1: the stop was unclean or this is the first start. */
  previousBrokerEpoch(): number
  logs(): Iterable<Log>
  get(of: TopicPartition): Log | undefined
  /** Creates the partition's folder in the directory with the fewest logs, or in `directoryId`. */
  create(of: TopicPartition, topicId: string, config: LogConfig, directoryId?: string): Log
  /** Gone at once for `get`; its files are renamed now and unlinked later, off the loop. */
  remove(of: TopicPartition): void
  /**
   * A directory that was away brings back what was made anew in another one meanwhile: the copy in
   * the directory that is named for it stays, or else the one that has most; the others are set aside.
   * Until then `get` gives any.
   */
  settleCopies(directoryOf: (copy: Log) => string | undefined): void
  /** Sets aside (renames) a log whose topic id is not the one in force (S11). */
  setAside(of: TopicPartition): void
  /** `replication-offset-checkpoint`, as read at the start. */
  checkpointedHighWatermark(of: TopicPartition): number
  /** Each of its own file, off the loop; resolves when it is durable or its directory offline. */
  checkpointHighWatermarks(
    highWatermarks: Iterable<TopicPartition & { offset: number }>,
  ): Promise<void>
  checkpointRecoveryPoints(): Promise<void>
  checkpointLogStarts(): Promise<void>
  /** Called once per directory that went offline. */
  onDirectoryFailure(listener: (directory: LogDirectory) => void): void
  /** Flushes, trims indexes, writes producer snapshots, checkpoints and, last, the clean marker. */
  closeCleanly(
    brokerEpoch: number,
    highWatermarks: Iterable<TopicPartition & { offset: number }>,
  ): Promise<void>
  /** As kill -9: file handles are closed, nothing is flushed. */
  abandon(): void
}
