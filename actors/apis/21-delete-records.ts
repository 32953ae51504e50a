/**
 * DeleteRecords v0-2: moves the log start of partitions that this broker leads (KIP-107).
 *
 * - Nothing at or above the high watermark goes; offset -1 means the high watermark.
 * - The answer waits until the log start of every live replica has followed, or for `timeoutMs`.
 * - Topics whose cleanup policy is compaction alone are POLICY_VIOLATION, internal ones
 *   INVALID_TOPIC_EXCEPTION.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { DeleteRecords } from '../../transport/schemas/21-delete-records.ts'
import type { DataBroker } from '../broker/types.ts'
import { StorageError } from '../ports/log.ts'
import { checkLeaderEpoch } from '../replica/read.ts'
import { handler } from './handler.ts'
import { isInternal, locate } from './located.ts'

type Wanted = Request<typeof DeleteRecords>['topics'][number]['partitions'][number]
type Told = Response<typeof DeleteRecords>['topics'][number]['partitions'][number]

const HIGH_WATERMARK = -1

export const deleteRecords = handler<typeof DeleteRecords, DataBroker>(
  DeleteRecords,
  [0, 2],
  async ({ topics, timeoutMs }, _, host) => ({
    throttleTimeMs: 0,
    topics: await Promise.all(
      topics.map(async ({ name, partitions }) => ({
        name,
        partitions: await Promise.all(
          partitions.map((wanted) => deleteBefore(host, name, wanted, timeoutMs)),
        ),
      })),
    ),
  }),
  ({ topics }, error) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => answer(partitionIndex, error)),
    })),
  }),
)

async function deleteBefore(
  host: DataBroker,
  name: string,
  { partitionIndex, offset }: Wanted,
  timeoutMs: number,
): Promise<Told> {
  try {
    if (isInternal(name)) refuse('INVALID_TOPIC_EXCEPTION', `${name} is internal`)
    const { row, error } = locate(host, { name, topicId: ZERO_UUID }, partitionIndex)
    if (row === undefined) return answer(partitionIndex, error)
    const fenced = checkLeaderEpoch(row, -1, true)
    if (fenced !== 'NONE' || row.log === undefined) return answer(partitionIndex, fenced)
    if (!row.log.config().cleanupPolicy.includes('delete')) {
      refuse('POLICY_VIOLATION', `${name} is compacted only`)
    }
    const before = offset === HIGH_WATERMARK ? row.highWatermark : offset
    if (before < 0 || before > row.highWatermark) {
      refuse('OFFSET_OUT_OF_RANGE', `offset ${offset} with high watermark ${row.highWatermark}`)
    }
    const reached = await host.replicas.deleteRecordsBefore(row, before, timeoutMs)
    return answer(partitionIndex, reached.error, reached.lowWatermark)
  } catch (error) {
    if (error instanceof KafkaError) return answer(partitionIndex, error.code)
    if (error instanceof StorageError) return answer(partitionIndex, 'KAFKA_STORAGE_ERROR')
    throw error
  }
}

const answer = (partitionIndex: number, error: ErrorName, lowWatermark = -1): Told => ({
  partitionIndex,
  lowWatermark,
  errorCode: errorCodes[error],
})
