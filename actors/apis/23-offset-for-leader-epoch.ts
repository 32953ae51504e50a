/**
 * OffsetForLeaderEpoch v2-4: where an epoch ends in this leader's log, so that a reader can tell
 * whether the two have parted (KIP-101, 320).
 *
 * The answer names the largest known epoch that is not above the asked one; an epoch that this
 * leader has not reached is -1.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { OffsetForLeaderEpoch } from '../../transport/schemas/23-offset-for-leader-epoch.ts'
import type { DataBroker } from '../broker/types.ts'
import { checkLeaderEpoch, endOfEpoch } from '../replica/read.ts'
import { handler } from './handler.ts'
import { locate } from './located.ts'

const NO_EPOCH = -1

type Wanted = Request<typeof OffsetForLeaderEpoch>['topics'][number]['partitions'][number]
type Told = Response<typeof OffsetForLeaderEpoch>['topics'][number]['partitions'][number]

export const offsetForLeaderEpoch = handler<typeof OffsetForLeaderEpoch, DataBroker>(
  OffsetForLeaderEpoch,
  [2, 4],
  ({ topics }, _, host) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((wanted) => endOf(host, topic, wanted)),
    })),
  }),
  ({ topics }, error) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ partition }) => answer(partition, error)),
    })),
  }),
)

function endOf(
  host: DataBroker,
  name: string,
  { partition, currentLeaderEpoch, leaderEpoch }: Wanted,
): Told {
  const { row, error } = locate(host, { name, topicId: ZERO_UUID }, partition)
  if (row === undefined) return answer(partition, error)
  const fenced = checkLeaderEpoch(row, currentLeaderEpoch, true)
  if (fenced !== 'NONE' || row.log === undefined) return answer(partition, fenced)
  const isKnown = leaderEpoch !== NO_EPOCH && leaderEpoch <= (row.log.latestEpoch() ?? NO_EPOCH)
  if (!isKnown) return answer(partition, 'NONE')
  const { epoch, endOffset } = endOfEpoch(row.log, leaderEpoch)
  // An epoch older than all that is left: as Kafka, which tells clients nothing from below the start.
  return answer(partition, 'NONE', epoch, Math.max(endOffset, row.log.startOffset()))
}

const answer = (partition: number, error: ErrorName, leaderEpoch = -1, endOffset = -1): Told => ({
  errorCode: errorCodes[error],
  partition,
  leaderEpoch,
  endOffset,
})
