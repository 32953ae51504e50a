/**
 * OffsetFetch v1-10: the offsets that groups have committed; several groups from v8 (KIP-709).
 *
 * - What was never committed, or under another id of the same topic (G8), is -1 without an error.
 * - No topics asked for means all; by ids (v10) those that still exist.
 * - `requireStable` waits for transactions; none is offered yet, so every offset is stable.
 */
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorCodes, KafkaError } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { OffsetFetch } from '../../transport/schemas/09-offset-fetch.ts'
import type { BrokerHost } from '../broker/types.ts'
import type { FetchedOffset } from '../group/commit-offsets.ts'
import { isOfTopic } from '../group/offsets.ts'
import { handler } from './handler.ts'

const TOP_LEVEL_ERROR_SINCE = 2
const SEVERAL_GROUPS_SINCE = 8
const TOPIC_IDS_SINCE = 10

type Fetch = Request<typeof OffsetFetch>
type Answer = Response<typeof OffsetFetch>
type Group = Fetch['groups'][number]
type Wanted = NonNullable<Group['topics']>[number]
type AnswerGroup = Answer['groups'][number]
type Topic = AnswerGroup['topics'][number]

export const offsetFetch = handler<typeof OffsetFetch, BrokerHost>(
  OffsetFetch,
  [1, 10],
  (request, { apiVersion }, host) => {
    const several = apiVersion >= SEVERAL_GROUPS_SINCE
    const asked = several ? request.groups : [onlyGroup(request)]
    const groups = asked.map((group) => fetch(host, group, apiVersion))
    return several ? answer(groups) : answerOfOne(groups[0]!, apiVersion)
  },
  (request, error) => {
    const several = request.groups.length > 0
    const asked = several ? request.groups : [onlyGroup(request)]
    const groups = asked.map((group) => failed(group, error))
    return several ? answer(groups) : answerOfOne(groups[0]!, TOP_LEVEL_ERROR_SINCE)
  },
)

const onlyGroup = ({ groupId, topics }: Fetch): Group => ({
  groupId,
  memberId: null,
  memberEpoch: -1,
  topics: topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null,
})

function fetch(host: BrokerHost, group: Group, apiVersion: number): AnswerGroup {
  try {
    const topics =
      group.topics === null
        ? fetchAll(host, group.groupId, apiVersion)
        : fetchSome(host, group.groupId, group.topics, apiVersion)
    return { groupId: group.groupId, topics, errorCode: errorCodes.NONE }
  } catch (error) {
    if (error instanceof KafkaError) return failed(group, error.code)
    throw error
  }
}

function fetchSome(host: BrokerHost, groupId: string, wanted: Wanted[], version: number): Topic[] {
  const image = host.image()
  const byId = version >= TOPIC_IDS_SINCE
  const found = wanted.map(({ name, topicId }) =>
    byId ? image.topicById(topicId) : { name, id: image.topicByName(name)?.id ?? ZERO_UUID },
  )
  const keys = wanted.flatMap(({ partitionIndexes }, i) => {
    const topic = found[i]
    if (topic === undefined) return []
    return partitionIndexes.map((partition) => ({
      topic: topic.name,
      topicId: topic.id,
      partition,
    }))
  })
  const offsets = host.groups.fetchOffsets(groupId, keys)
  let next = 0
  return wanted.map(({ name, topicId, partitionIndexes }, i) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((partitionIndex) =>
      found[i] === undefined ? none(partitionIndex, 'UNKNOWN_TOPIC_ID') : shown(offsets[next++]!),
    ),
  }))
}

function fetchAll(host: BrokerHost, groupId: string, version: number): Topic[] {
  const image = host.image()
  const topics = new Map<string, Topic>()
  for (const offset of host.groups.fetchOffsets(groupId, null)) {
    const known = image.topicByName(offset.topic)?.id
    if (known === undefined && version >= TOPIC_IDS_SINCE) continue
    if (known !== undefined && !isOfTopic(offset, known)) continue
    const topic = topics.get(offset.topic) ?? {
      name: offset.topic,
      topicId: known ?? ZERO_UUID,
      partitions: [],
    }
    topic.partitions.push(shown(offset))
    topics.set(offset.topic, topic)
  }
  return [...topics.values()]
}

const shown = (offset: FetchedOffset): Topic['partitions'][number] => ({
  partitionIndex: offset.partition,
  committedOffset: offset.offset,
  committedLeaderEpoch: offset.leaderEpoch,
  metadata: offset.metadata,
  errorCode: errorCodes.NONE,
})

const none = (partitionIndex: number, error: ErrorName): Topic['partitions'][number] => ({
  partitionIndex,
  committedOffset: -1,
  committedLeaderEpoch: -1,
  metadata: '',
  errorCode: errorCodes[error],
})

/** Its topics are told only where there is no other place for the error (v1). */
const failed = ({ groupId, topics }: Group, error: ErrorName): AnswerGroup => ({
  groupId,
  topics: (topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((partition) => none(partition, error)),
  })),
  errorCode: errorCodes[error],
})

const answer = (groups: AnswerGroup[]): Answer => ({
  throttleTimeMs: 0,
  topics: [],
  errorCode: errorCodes.NONE,
  groups: groups.map((group) => (group.errorCode === 0 ? group : { ...group, topics: [] })),
})

function answerOfOne({ topics, errorCode }: AnswerGroup, apiVersion: number): Answer {
  const isTold = apiVersion >= TOP_LEVEL_ERROR_SINCE && errorCode !== errorCodes.NONE
  return {
    throttleTimeMs: 0,
    topics: isTold ? [] : topics.map(({ name, partitions }) => ({ name, partitions })),
    errorCode,
    groups: [],
  }
}
