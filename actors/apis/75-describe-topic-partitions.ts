/**
 * DescribeTopicPartitions v0: topics in the order of their names, a page at a time (KIP-966).
 *
 * - A page holds at most `max.request.partition.size.limit` partitions; the cursor says where the next begins.
 * - No names at all means every topic from the cursor on; a named one that does not exist carries
 *   its error.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { DescribeTopicPartitions } from '../../transport/schemas/75-describe-topic-partitions.ts'
import type { DataBroker } from '../broker/types.ts'
import type { TopicView } from '../metadata/image.ts'
import { handler } from './handler.ts'
import { isInternal } from './located.ts'
import {
  isValidTopicName,
  notAsked,
  offlineReplicas,
  topicOperations,
  usableLeader,
} from './topic-metadata.ts'

type Asked = Request<typeof DescribeTopicPartitions>
type Answer = Response<typeof DescribeTopicPartitions>
type TopicAnswer = Answer['topics'][number]
type PartitionAnswer = TopicAnswer['partitions'][number]

export const describeTopicPartitions = handler<typeof DescribeTopicPartitions, DataBroker>(
  DescribeTopicPartitions,
  [0, 0],
  (request, { listenerName }, host) => {
    const image = host.image()
    const limit = Math.max(
      1,
      Math.min(request.responsePartitionLimit, host.config.int('max.request.partition.size.limit')),
    )
    const { cursor } = request
    if (cursor !== null && cursor.partitionIndex < 0) {
      refuse('INVALID_REQUEST', `a cursor at partition ${cursor.partitionIndex}`)
    }
    if (cursor !== null && request.topics.length > 0) {
      const isAsked = request.topics.some(({ name }) => name === cursor.topicName)
      if (!isAsked)
        refuse('INVALID_REQUEST', `a cursor at ${cursor.topicName}, which is not asked for`)
    }
    const topics: TopicAnswer[] = []
    let left = limit
    for (const name of namesOf(request, image.topics())) {
      const topic = image.topicByName(name)
      if (topic === undefined) {
        topics.push(
          noTopic(
            name,
            isValidTopicName(name) ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION',
          ),
        )
        continue
      }
      if (left === 0) return page(topics, { topicName: name, partitionIndex: 0 })
      const from = cursor?.topicName === name ? cursor.partitionIndex : 0
      const upTo = Math.min(topic.partitionCount(), from + left)
      const partitions: PartitionAnswer[] = []
      for (let index = from; index < upTo; index++) partitions.push(told(topic, index))
      topics.push({
        errorCode: errorCodes.NONE,
        name,
        topicId: topic.id,
        isInternal: isInternal(name),
        partitions,
        topicAuthorizedOperations: topicOperations,
      })
      left -= partitions.length
      if (upTo < topic.partitionCount()) {
        return page(topics, { topicName: name, partitionIndex: upTo })
      }
    }
    return page(topics, null)

    function told(topic: TopicView, partitionIndex: number): PartitionAnswer {
      const state = topic.partition(partitionIndex)!
      const { leaderId, error } = usableLeader(state, image, listenerName)
      return {
        errorCode: errorCodes[error],
        partitionIndex,
        leaderId,
        leaderEpoch: state.leaderEpoch,
        replicaNodes: state.replicas,
        isrNodes: state.isr,
        eligibleLeaderReplicas: state.elr,
        lastKnownElr: state.lastKnownElr,
        offlineReplicas: offlineReplicas(state, image, listenerName),
      }
    }
  },
  ({ topics }, error) =>
    page(
      topics.map(({ name }) => noTopic(name, error, notAsked)),
      null,
    ),
)

/** From the cursor on, each once, in order. */
function namesOf({ topics, cursor }: Asked, all: Iterable<TopicView>): string[] {
  const names = topics.length > 0 ? topics.map(({ name }) => name) : Array.from(all, (t) => t.name)
  const from = cursor?.topicName ?? ''
  return [...new Set(names)].filter((name) => name >= from).sort()
}

const page = (topics: TopicAnswer[], nextCursor: Answer['nextCursor']): Answer => ({
  throttleTimeMs: 0,
  topics,
  nextCursor,
})

const noTopic = (
  name: string,
  error: ErrorName,
  topicAuthorizedOperations = topicOperations,
): TopicAnswer => ({
  errorCode: errorCodes[error],
  name,
  topicId: ZERO_UUID,
  isInternal: isInternal(name),
  partitions: [],
  topicAuthorizedOperations,
})
