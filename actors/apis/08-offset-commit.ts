/**
 * OffsetCommit v2-10: how far a group has read, stored in `__consumer_offsets`.
 *
 * - Topics that do not exist get UNKNOWN_TOPIC_OR_PARTITION, by id (v10) UNKNOWN_TOPIC_ID; the
 *   others are taken all the same and answered once they are committed.
 * - Topics of which no partition is named are left out of the answer.
 * - Up to v9 the topic id is looked up, so that an offset belongs to a topic and not to a name (G8).
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes } from '../../transport/protocol/errors.ts'
import { OffsetCommit } from '../../transport/schemas/08-offset-commit.ts'
import type { BrokerHost } from '../broker/types.ts'
import type { OffsetToCommit } from '../group/commit-offsets.ts'
import type { MetadataImage, TopicView } from '../metadata/image.ts'
import { handler } from './handler.ts'

const TOPIC_IDS_SINCE = 10

type Commit = Request<typeof OffsetCommit>
type Topic = Commit['topics'][number]

export const offsetCommit = handler<typeof OffsetCommit, BrokerHost>(
  OffsetCommit,
  [2, 10],
  (request, { apiVersion }, host) => {
    const image = host.image()
    const found = request.topics.map((topic) => find(image, topic, apiVersion))
    const unknown = apiVersion < TOPIC_IDS_SINCE ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'UNKNOWN_TOPIC_ID'
    const refusals = request.topics.map(({ partitions }, i) =>
      partitions.map(({ partitionIndex }): ErrorName | undefined => {
        const topic = found[i]
        if (topic === undefined) return unknown
        return topic.partition(partitionIndex) ? undefined : 'UNKNOWN_TOPIC_OR_PARTITION'
      }),
    )
    const offsets = request.topics.flatMap((topic, i) =>
      topic.partitions
        .filter((_, j) => refusals[i]![j] === undefined)
        .map((partition) => offsetOf(found[i]!, partition)),
    )
    const merged = (errors: ErrorName[]) => {
      let next = 0
      const told = answer(request, (i, j) => refusals[i]![j] ?? errors[next++]!)
      told.topics = told.topics.filter(({ partitions }) => partitions.length > 0)
      return told
    }
    if (offsets.length === 0) return merged([])
    const commit = {
      groupId: request.groupId,
      memberId: request.memberId,
      groupInstanceId: request.groupInstanceId,
      generationId: request.generationIdOrMemberEpoch,
      retentionTimeMs: request.retentionTimeMs,
      offsets,
    }
    const errors = host.groups.commitOffsets(commit, apiVersion)
    return errors instanceof Promise ? errors.then(merged) : merged(errors)
  },
  (request, error) => answer(request, () => error),
)

const find = (image: MetadataImage, { name, topicId }: Topic, apiVersion: number) =>
  apiVersion < TOPIC_IDS_SINCE ? image.topicByName(name) : image.topicById(topicId)

const offsetOf = (topic: TopicView, row: Topic['partitions'][number]): OffsetToCommit => ({
  topic: topic.name,
  topicId: topic.id,
  partition: row.partitionIndex,
  offset: row.committedOffset,
  leaderEpoch: row.committedLeaderEpoch,
  metadata: row.committedMetadata,
})

/** @param errorOf called for each partition in the order of the request */
const answer = (
  { topics }: Commit,
  errorOf: (topic: number, partition: number) => ErrorName,
): Response<typeof OffsetCommit> => ({
  throttleTimeMs: 0,
  topics: topics.map(({ name, topicId, partitions }, i) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }, j) => ({
      partitionIndex,
      errorCode: errorCodes[errorOf(i, j)],
    })),
  })),
})
