/** Members as clients are: they join, are told their part and take it. */

import { offsetCommit } from '../../actors/apis/08-offset-commit.ts'
import { offsetFetch } from '../../actors/apis/09-offset-fetch.ts'
import { joinGroup } from '../../actors/apis/11-join-group.ts'
import { heartbeat } from '../../actors/apis/12-heartbeat.ts'
import { leaveGroup } from '../../actors/apis/13-leave-group.ts'
import { syncGroup } from '../../actors/apis/14-sync-group.ts'
import type { Request, Response } from '../../transport/protocol/api.ts'
import { type ErrorName, errorName } from '../../transport/protocol/errors.ts'
import { encodeRecord } from '../../transport/protocol/record.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { OffsetCommit } from '../../transport/schemas/08-offset-commit.ts'
import { OffsetFetch } from '../../transport/schemas/09-offset-fetch.ts'
import { JoinGroup } from '../../transport/schemas/11-join-group.ts'
import { Heartbeat } from '../../transport/schemas/12-heartbeat.ts'
import { LeaveGroup } from '../../transport/schemas/13-leave-group.ts'
import { SyncGroup } from '../../transport/schemas/14-sync-group.ts'
import { ConsumerProtocolSubscription } from '../../transport/schemas/records/consumer-protocol.ts'
import type { Broker } from './support.ts'

export type Joined = Response<typeof JoinGroup> & { error: ErrorName }

/** What a consumer tells of itself: an int16 version and its topics. */
export function subscription(...topics: string[]): Buffer {
  const body = encodeRecord(ConsumerProtocolSubscription, 0, {
    topics,
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  })
  return Buffer.concat([Buffer.from([0, 0]), body])
}

export const joinRequest = (
  over: Partial<Request<typeof JoinGroup>> = {},
): Request<typeof JoinGroup> => ({
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 60_000,
  memberId: '',
  groupInstanceId: null,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: subscription('orders') }],
  reason: null,
  ...over,
})

export async function join(
  on: Broker,
  over: Partial<Request<typeof JoinGroup>> = {},
  version = 9,
): Promise<Joined> {
  const answer = await on.ask(joinGroup, JoinGroup, version, joinRequest(over))
  return { ...answer, error: errorName(answer.errorCode) }
}

/** Somebody new: is given an id, and joins with it. */
export async function enter(
  on: Broker,
  over: Partial<Request<typeof JoinGroup>> = {},
): Promise<Joined> {
  const first = await join(on, over)
  return first.error === 'MEMBER_ID_REQUIRED'
    ? join(on, { ...over, memberId: first.memberId })
    : first
}

export type Speaker = {
  memberId: string
  generationId: number
  groupInstanceId?: string | null
  protocolType?: string | null
}

export async function sync(
  on: Broker,
  { memberId, generationId, groupInstanceId = null, protocolType }: Speaker,
  parts: Record<string, string> = {},
  over: Partial<Request<typeof SyncGroup>> = {},
  version = 5,
) {
  const answer = await on.ask(syncGroup, SyncGroup, version, {
    groupId: 'g',
    generationId,
    memberId,
    groupInstanceId,
    protocolType: version < 5 ? null : (protocolType ?? 'consumer'),
    protocolName: version < 5 ? null : 'range',
    assignments: Object.entries(parts).map(([id, part]) => ({
      memberId: id,
      assignment: Buffer.from(part),
    })),
    ...over,
  })
  return { ...answer, error: errorName(answer.errorCode), part: answer.assignment.toString() }
}

export async function beat(
  on: Broker,
  { memberId, generationId, groupInstanceId = null }: Speaker,
  groupId = 'g',
): Promise<ErrorName> {
  const request = { groupId, generationId, memberId, groupInstanceId }
  const { errorCode } = await on.ask(heartbeat, Heartbeat, 4, request)
  return errorName(errorCode)
}

export async function leave(
  on: Broker,
  members: { memberId: string; groupInstanceId?: string | null }[],
  groupId = 'g',
) {
  const answer = await on.ask(leaveGroup, LeaveGroup, 5, {
    groupId,
    memberId: '',
    members: members.map(({ memberId, groupInstanceId = null }) => ({
      memberId,
      groupInstanceId,
      reason: null,
    })),
  })
  return {
    error: errorName(answer.errorCode),
    members: answer.members.map(({ errorCode }) => errorName(errorCode)),
  }
}

export type Part = { partition: number; offset: number; metadata?: string | null }

/** @returns the error of each partition */
export async function commit(
  on: Broker,
  parts: Part[],
  { memberId = '', generationId = -1, groupInstanceId = null }: Partial<Speaker> = {},
  { groupId = 'g', topic = 'orders', version = 9, retentionTimeMs = -1 } = {},
): Promise<ErrorName[]> {
  const answer = await on.ask(offsetCommit, OffsetCommit, version, {
    groupId,
    generationIdOrMemberEpoch: generationId,
    memberId,
    groupInstanceId,
    retentionTimeMs,
    topics: [
      {
        name: topic,
        topicId: ZERO_UUID,
        partitions: parts.map(({ partition, offset, metadata = null }) => ({
          partitionIndex: partition,
          committedOffset: offset,
          committedLeaderEpoch: version < 6 ? -1 : 3,
          committedMetadata: metadata,
        })),
      },
    ],
  })
  return answer.topics[0]!.partitions.map(({ errorCode }) => errorName(errorCode))
}

/** Partition → offset of all that a group has committed for a topic, or the error. */
export async function committed(
  on: Broker,
  groupId = 'g',
  topic = 'orders',
): Promise<Record<number, number> | ErrorName> {
  const group = { groupId, memberId: null, memberEpoch: -1, topics: null }
  const answer = await on.ask(offsetFetch, OffsetFetch, 9, {
    groupId: '',
    topics: [],
    groups: [group],
    requireStable: false,
  })
  const { errorCode, topics } = answer.groups[0]!
  if (errorCode !== 0) return errorName(errorCode)
  const rows = topics.find(({ name }) => name === topic)?.partitions ?? []
  return Object.fromEntries(rows.map((row) => [row.partitionIndex, row.committedOffset]))
}

/** Some members enter together, the first leads, all get a part named after their place. */
export async function settle(
  on: Broker,
  advance: () => Promise<void>,
  count: number,
  over: (i: number) => Partial<Request<typeof JoinGroup>> = () => ({}),
): Promise<Joined[]> {
  const entering = Array.from({ length: count }, (_, i) => enter(on, over(i)))
  await advance()
  const joined = await Promise.all(entering)
  const parts = Object.fromEntries(joined.map(({ memberId }, i) => [memberId, `part ${i}`]))
  const groupId = over(0).groupId ?? 'g'
  await Promise.all(
    joined.map((one, i) =>
      sync(
        on,
        { ...one, groupInstanceId: over(i).groupInstanceId ?? null },
        one.leader === one.memberId ? parts : {},
        { groupId },
      ),
    ),
  )
  return joined
}
