/**
 * OffsetCommit and OffsetFetch against the groups of one partition.
 *
 * A commit is answered when it is committed itself; a fetch tells only what is (G4). Whoever is not
 * in the group may commit only while it is empty: tools, and consumers that assign by hand.
 */
import { type ErrorName, refuse } from '../../transport/protocol/errors.ts'
import type { Environment } from './environment.ts'
import { type Group, memberFor, newGroup, unknownMember } from './members.ts'
import { type CommittedOffset, isOfTopic, type OffsetKey } from './offsets.ts'
import { offsetRecord } from './records.ts'
import type { Shard } from './shard.ts'
import { checkGeneration } from './sync-group.ts'

export type OffsetToCommit = OffsetKey & {
  topicId: string
  offset: number
  leaderEpoch: number
  metadata: string | null
}

export type CommitRequest = {
  groupId: string
  memberId: string
  groupInstanceId: string | null
  /** -1: not as a member. */
  generationId: number
  retentionTimeMs: number // -1: as the broker is configured
  offsets: OffsetToCommit[]
}

const SAYS_GROUP_NOT_FOUND_SINCE = 9

/** @returns an error for each offset, in their order. @throws KafkaError: nothing was stored */
export function commitOffsets(
  env: Environment,
  shard: Shard,
  request: CommitRequest,
  apiVersion: number,
): ErrorName[] | Promise<ErrorName[]> {
  const { groupId } = request
  const group = shard.groups.get(groupId)
  if (group !== undefined) checkCommit(env, group, request)
  else if (request.generationId >= 0) {
    const error =
      apiVersion < SAYS_GROUP_NOT_FOUND_SINCE ? 'ILLEGAL_GENERATION' : 'GROUP_ID_NOT_FOUND'
    refuse(error, `group ${groupId} does not exist; join it first`)
  }
  const metadataMax = env.config.int('offset.metadata.max.bytes')
  const fits = request.offsets.map(({ metadata }) => (metadata ?? '').length <= metadataMax)
  const taken = request.offsets.filter((_, i) => fits[i])
  const outcome = (error: ErrorName): ErrorName[] =>
    fits.map((fit) => (fit ? error : 'OFFSET_METADATA_TOO_LARGE'))
  if (taken.length === 0) return outcome('NONE')
  return new Promise((resolve) => {
    append(env, shard, request, taken, (error) => resolve(outcome(error)))
  })
}

function checkCommit(env: Environment, group: Group, request: CommitRequest): void {
  const { memberId, groupInstanceId, generationId } = request
  if (generationId < 0 && group.state === 'Empty') return
  if (generationId < 0 && memberId === '' && groupInstanceId === null) {
    unknownMember(group.groupId, memberId)
  }
  const member = memberFor(group, memberId, groupInstanceId)
  checkGeneration(group, generationId)
  if (group.state === 'CompletingRebalance') {
    refuse('REBALANCE_IN_PROGRESS', `group ${group.groupId} waits for its leader's assignment`)
  }
  env.sessions.renew(group, member)
}

function append(
  env: Environment,
  shard: Shard,
  { groupId, retentionTimeMs }: CommitRequest,
  offsets: OffsetToCommit[],
  done: (error: ErrorName) => void,
): void {
  const now = env.clock.now()
  const entries = offsets.map((one): [OffsetKey, CommittedOffset] => [
    { topic: one.topic, partition: one.partition },
    {
      offset: one.offset,
      leaderEpoch: one.leaderEpoch,
      metadata: one.metadata ?? '',
      commitTimestampMs: now,
      expireTimestampMs: retentionTimeMs === -1 ? null : now + retentionTimeMs,
      topicId: one.topicId,
    },
  ])
  let commits: (() => void)[] = []
  shard.log.write({
    records: entries.map(([key, value]) => offsetRecord(groupId, key, value)),
    apply() {
      if (!shard.groups.has(groupId)) shard.groups.set(groupId, newGroup(groupId, now))
      commits = entries.map(([key, value]) => shard.offsets.append(groupId, key, value))
    },
    committed() {
      for (const commit of commits) commit()
    },
    done,
  })
}

export type FetchedOffset = OffsetKey & {
  topicId: string
  /** -1: none was committed. */
  offset: number
  leaderEpoch: number
  metadata: string
}

const none = { offset: -1, leaderEpoch: -1, metadata: '' }

/** @param wanted null: all that the group has */
export function fetchOffsets(
  shard: Shard,
  groupId: string,
  wanted: (OffsetKey & { topicId: string })[] | null,
): FetchedOffset[] {
  const exists = shard.groups.has(groupId)
  if (wanted === null) {
    if (!exists) return []
    return Array.from(shard.offsets.allCommitted(groupId), ([key, value]) => fetched(key, value))
  }
  return wanted.map((key) => {
    const value = exists ? shard.offsets.committed(groupId, key) : null
    if (value === null || !isOfTopic(value, key.topicId)) return { ...key, ...none }
    return { ...fetched(key, value), topicId: key.topicId }
  })
}

const fetched = (key: OffsetKey, value: CommittedOffset): FetchedOffset => ({
  ...key,
  topicId: value.topicId,
  offset: value.offset,
  leaderEpoch: value.leaderEpoch,
  metadata: value.metadata,
})
