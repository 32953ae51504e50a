/**
 * OffsetDelete v0: committed offsets of topics that a group does not read go (KIP-496).
 *
 * - Topics and partitions that do not exist get UNKNOWN_TOPIC_OR_PARTITION, those that members read
 *   GROUP_SUBSCRIBED_TO_TOPIC; the others are answered once their tombstones are committed.
 * - Topics of which no partition is named are left out of the answer.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { OffsetDelete } from '../../transport/schemas/47-offset-delete.ts'
import type { BrokerHost } from '../broker/types.ts'
import { handler } from './handler.ts'

export const offsetDelete = handler<typeof OffsetDelete, BrokerHost>(
  OffsetDelete,
  [0, 0],
  async (request, _, host) => {
    const image = host.image()
    const exists = (topic: string, partition: number) =>
      partition >= 0 && partition < (image.topicByName(topic)?.partitionCount() ?? 0)
    const keys = request.topics.flatMap(({ name: topic, partitions }) =>
      partitions
        .map(({ partitionIndex: partition }) => ({ topic, partition }))
        .filter(({ partition }) => exists(topic, partition)),
    )
    const errors = await host.groups.deleteOffsets(request.groupId, keys)
    let next = 0
    return answer(request, (topic, partition) =>
      exists(topic, partition) ? errors[next++]! : 'UNKNOWN_TOPIC_OR_PARTITION',
    )
  },
  (_, error) => ({ errorCode: errorCodes[error], throttleTimeMs: 0, topics: [] }),
)

/** @param errorOf called for each partition in the order of the request */
const answer = (
  { topics }: Request<typeof OffsetDelete>,
  errorOf: (topic: string, partition: number) => ErrorName,
): Response<typeof OffsetDelete> => ({
  errorCode: errorCodes.NONE,
  throttleTimeMs: 0,
  topics: topics
    .filter(({ partitions }) => partitions.length > 0)
    .map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: errorCodes[errorOf(name, partitionIndex)],
      })),
    })),
})
