/**
 * ListOffsets v1-11: offsets by timestamp, and the named ones: latest -1, earliest -2, of the largest
 * timestamp -3 (v7, KIP-734), earliest local -4 (v8, KIP-405), latest tiered -5 (v9, KIP-1005),
 * earliest pending upload -6 (v11).
 *
 * - A consumer's latest is the high watermark, a follower's and a debugger's the log end.
 * - After an election a consumer gets OFFSET_NOT_AVAILABLE (before v5 LEADER_NOT_AVAILABLE) until the
 *   high watermark has reached the start of the leader epoch (KIP-207).
 * - Nothing is tiered: -4 is the log start, -5 and -6 are unknown.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { ListOffsets } from '../../transport/schemas/02-list-offsets.ts'
import type { DataBroker } from '../broker/types.ts'
import { StorageError } from '../ports/log.ts'
import type { Partition } from '../replica/partition.ts'
import { checkLeaderEpoch } from '../replica/read.ts'
import { handler } from './handler.ts'
import { checkIsolationLevel } from './isolation-level.ts'
import { locate } from './located.ts'

type Wanted = Request<typeof ListOffsets>['topics'][number]['partitions'][number]
type Told = Response<typeof ListOffsets>['topics'][number]['partitions'][number]

const LATEST = -1
const EARLIEST = -2
const MAX_TIMESTAMP = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6
/** First version of each named timestamp that not all versions have. */
const since = new Map([
  [MAX_TIMESTAMP, 7],
  [EARLIEST_LOCAL, 8],
  [LATEST_TIERED, 9],
  [EARLIEST_PENDING_UPLOAD, 11],
])
const OFFSET_NOT_AVAILABLE_SINCE = 5
const LEADER_EPOCH_SINCE = 4

const CONSUMER = -1
const DEBUGGER = -2

type Found = { timestamp: number; offset: number; leaderEpoch: number }
const unknown: Found = { timestamp: -1, offset: -1, leaderEpoch: -1 }

export const listOffsets = handler<typeof ListOffsets, DataBroker>(
  ListOffsets,
  [1, 11],
  ({ replicaId, isolationLevel, topics }, { apiVersion }, host) => {
    checkIsolationLevel(isolationLevel)
    return { throttleTimeMs: 0, topics: topics.map(told) }

    function told({ name, partitions }: Request<typeof ListOffsets>['topics'][number]) {
      const repeated = repeatedIn(partitions)
      const found = partitions
        .filter(({ partitionIndex }) => !repeated.has(partitionIndex))
        .map((wanted) => answerOf(name, wanted))
      const refusals = Array.from(repeated, (index) => refusal(index, 'INVALID_REQUEST'))
      return { name, partitions: [...refusals, ...found] }
    }

    function answerOf(name: string, wanted: Wanted): Told {
      const { partitionIndex } = wanted
      try {
        const found = { ...find(host, name, wanted, replicaId, apiVersion) }
        if (apiVersion < LEADER_EPOCH_SINCE) found.leaderEpoch = -1
        return { partitionIndex, errorCode: errorCodes.NONE, ...found }
      } catch (error) {
        if (error instanceof KafkaError) return refusal(partitionIndex, error.code)
        if (error instanceof StorageError) return refusal(partitionIndex, 'KAFKA_STORAGE_ERROR')
        throw error
      }
    }
  },
  ({ topics }, error) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => refusal(partitionIndex, error)),
    })),
  }),
)

/** What is asked twice is refused, once. */
function repeatedIn(partitions: Wanted[]): Set<number> {
  const seen = new Set<number>()
  const repeated = new Set<number>()
  for (const { partitionIndex } of partitions) {
    if (seen.has(partitionIndex)) repeated.add(partitionIndex)
    seen.add(partitionIndex)
  }
  return repeated
}

const refusal = (partitionIndex: number, error: ErrorName): Told => ({
  partitionIndex,
  errorCode: errorCodes[error],
  ...unknown,
})

function find(
  host: DataBroker,
  name: string,
  { partitionIndex, currentLeaderEpoch, timestamp }: Wanted,
  replicaId: number,
  version: number,
): Found {
  if (timestamp < EARLIEST_PENDING_UPLOAD || version < (since.get(timestamp) ?? 0)) {
    refuse('UNSUPPORTED_VERSION', `timestamp ${timestamp} is not one of ListOffsets v${version}`)
  }
  const { row, error } = locate(host, { name, topicId: ZERO_UUID }, partitionIndex)
  if (row === undefined) return refuse(error, `${name}-${partitionIndex} is not led here`)
  const fenced = checkLeaderEpoch(row, currentLeaderEpoch, replicaId !== DEBUGGER)
  const { log } = row
  if (fenced !== 'NONE' || log === undefined) {
    return refuse(fenced === 'NONE' ? 'KAFKA_STORAGE_ERROR' : fenced, 'another leader epoch')
  }
  const isClient = replicaId === CONSUMER
  const upTo = isClient ? row.highWatermark : log.endOffset()
  switch (timestamp) {
    case LATEST:
      if (isClient) checkAvailable(row, version)
      return { timestamp: -1, offset: upTo, leaderEpoch: row.context.leaderEpoch }
    case EARLIEST:
    case EARLIEST_LOCAL: {
      const offset = log.startOffset()
      return { timestamp: -1, offset, leaderEpoch: log.epochAt(offset) ?? -1 }
    }
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      return unknown
    default: {
      const found =
        timestamp === MAX_TIMESTAMP
          ? log.maxTimestamp(upTo)
          : log.offsetForTimestamp(timestamp, upTo)
      if (found !== undefined && found.offset < upTo) return found
      // What a lagging high watermark hides may be what was asked for.
      if (isClient) checkAvailable(row, version)
      return unknown
    }
  }
}

function checkAvailable({ highWatermark, epochStart, role }: Partition, version: number): void {
  if (role !== 'leader' || highWatermark >= epochStart) return
  refuse(
    version >= OFFSET_NOT_AVAILABLE_SINCE ? 'OFFSET_NOT_AVAILABLE' : 'LEADER_NOT_AVAILABLE',
    `high watermark ${highWatermark} is below the start ${epochStart} of this leader epoch`,
  )
}
