/**
 * One partition of a Fetch: may it be read here, from there, and what is there?
 *
 * Source: Kafka's Partition.fetchRecords; KIP-320 and KIP-595 (leader epochs, divergence), KIP-392
 *         (consumers may read a follower), KIP-903 (a follower's broker epoch).
 */
import { type ErrorName, KafkaError } from '../../transport/protocol/errors.ts'
import type { Log } from '../ports/log.ts'
import { StorageError } from '../ports/log.ts'
import type { FetchEntry } from './fetch-session.ts'
import type { Partition } from './partition.ts'

/** The position does not lie on this log: where the two part at the latest. */
export type Divergence = { epoch: number; endOffset: number }

export type Position =
  | { kind: 'readable'; log: Log; partition: Partition; upTo: number }
  | { kind: 'diverging'; partition: Partition; diverging: Divergence }
  | { kind: 'refused'; error: ErrorName; partition: Partition | undefined }

export const refused = (error: ErrorName, partition?: Partition): Position => ({
  kind: 'refused',
  error,
  partition,
})

/**
 * What every request that names a leader epoch is held against.
 * @returns NONE when this replica may answer
 */
export function checkLeaderEpoch(
  partition: Partition,
  currentLeaderEpoch: number,
  leaderOnly: boolean,
): ErrorName {
  if (partition.role === 'offline' || partition.log === undefined) return 'KAFKA_STORAGE_ERROR'
  if (partition.role === 'assigned') return 'NOT_LEADER_OR_FOLLOWER'
  const { leaderEpoch } = partition.context
  if (currentLeaderEpoch !== -1 && currentLeaderEpoch < leaderEpoch) return 'FENCED_LEADER_EPOCH'
  if (currentLeaderEpoch > leaderEpoch) return 'UNKNOWN_LEADER_EPOCH'
  return leaderOnly && partition.role !== 'leader' ? 'NOT_LEADER_OR_FOLLOWER' : 'NONE'
}

/** What knows no epochs yet had none of them. */
export const endOfEpoch = (log: Log, epoch: number): Divergence =>
  log.endOffsetFor(epoch) ?? { epoch, endOffset: log.startOffset() }

/** Where an entry stands; nothing is read yet. */
export function positionOf(entry: FetchEntry, partition: Partition, leaderOnly: boolean): Position {
  const error = checkLeaderEpoch(partition, entry.currentLeaderEpoch, leaderOnly)
  if (error !== 'NONE') return refused(error, partition)
  const log = partition.log
  if (log === undefined) return refused('KAFKA_STORAGE_ERROR', partition)
  const { fetchOffset, lastFetchedEpoch } = entry
  if (fetchOffset < log.startOffset()) return refused('OFFSET_OUT_OF_RANGE', partition)
  if (lastFetchedEpoch >= 0) {
    // A leader knows its own epoch from the first moment: no log that follows it has a later one.
    if (lastFetchedEpoch > (log.latestEpoch() ?? -1))
      return refused('OFFSET_OUT_OF_RANGE', partition)
    const known = endOfEpoch(log, lastFetchedEpoch)
    if (known.epoch < lastFetchedEpoch || known.endOffset < fetchOffset) {
      return { kind: 'diverging', partition, diverging: known }
    }
  }
  if (fetchOffset > log.endOffset()) return refused('OFFSET_OUT_OF_RANGE', partition)
  const isFollower = entry.session.replicaId >= 0
  const upTo = isFollower ? log.endOffset() : partition.highWatermark
  return { kind: 'readable', log, partition, upTo }
}

/** Bytes that an answer could carry now; counted only as exactly as the fetch's minimum asks. */
export function readableBytes(log: Log, entry: FetchEntry, upTo: number, minBytes: number): number {
  if (upTo <= entry.fetchOffset) return 0
  if (minBytes <= 1) return 1
  try {
    return Math.min(log.bytesBetween(entry.fetchOffset, upTo), entry.partitionMaxBytes)
  } catch (error) {
    // Who looks may be another's append: the fetch itself is to hear of it, by its answer.
    if (error instanceof StorageError) return Number.POSITIVE_INFINITY
    throw error
  }
}

/** Reads with the disk's failures told apart from ours. */
export function readRecords(
  log: Log,
  from: number,
  maxBytes: number,
  upTo: number,
  minOneBatch: boolean,
): { records: Buffer; error: ErrorName } {
  try {
    return { records: log.read(from, maxBytes, upTo, minOneBatch), error: 'NONE' }
  } catch (error) {
    if (error instanceof KafkaError) return { records: empty, error: error.code }
    if (error instanceof StorageError) return { records: empty, error: 'KAFKA_STORAGE_ERROR' }
    throw error
  }
}

export const empty = Buffer.alloc(0)
