/**
 * What is taken away from a partition of `__consumer_offsets`: offsets and groups that somebody
 * deletes, that expire, or whose topic is gone. All of it by tombstones.
 *
 * Source: KIP-211 (retention counts from when a group became empty), KIP-496 (OffsetDelete), KIP-229.
 */
import { type ErrorName, KafkaError, refuse } from '../../transport/protocol/errors.ts'
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import type { KeyValue } from './coordinator-log.ts'
import type { Environment } from './environment.ts'
import { type Group, metadataFor } from './members.ts'
import type { CommittedOffset, OffsetKey } from './offsets.ts'
import { groupTombstone, offsetTombstone, subscribedTopics } from './records.ts'
import type { Shard } from './shard.ts'

/** Tombstones in one batch: below any `max.message.bytes` that lets commits through. */
const TOMBSTONES_MAX = 1_000
/** Groups that a sweep looks at before the loop turns. */
const GROUPS_PER_SLICE = 200
const CONSUMER = 'consumer'

/**
 * Batch by batch; only with the last one the group itself goes, where it is to go.
 * @throws KafkaError: what was written before stays deleted
 */
function remove(
  env: Environment,
  shard: Shard,
  groupId: string,
  keys: OffsetKey[],
  andGroup: Group | null,
  done?: (error: ErrorName) => void,
): void {
  for (let from = 0; from === 0 || from < keys.length; from += TOMBSTONES_MAX) {
    const slice = keys.slice(from, from + TOMBSTONES_MAX)
    const isLast = from + TOMBSTONES_MAX >= keys.length
    const group = isLast ? andGroup : null
    const records: KeyValue[] = slice.map((key) => offsetTombstone(groupId, key))
    if (group !== null) records.push(groupTombstone(groupId))
    if (records.length === 0) continue
    let commits: (() => void)[] = []
    shard.log.write({
      records,
      apply() {
        commits = slice.map((key) => shard.offsets.append(groupId, key, null))
        if (group !== null) bury(env, shard, group)
      },
      committed() {
        for (const commit of commits) commit()
      },
      ...(isLast && done !== undefined ? { done } : {}),
    })
  }
}

function bury(env: Environment, shard: Shard, group: Group): void {
  env.sessions.endAll(group)
  group.actor?.stop()
  group.actor = null
  group.state = 'Dead'
  shard.groups.delete(group.groupId)
  env.log.info({ groupId: group.groupId }, 'group deleted')
}

const keysOf = (shard: Shard, groupId: string): OffsetKey[] =>
  Array.from(shard.offsets.allAppended(groupId), ([key]) => key)

/** Resolves when it is committed that the group never was. @throws KafkaError */
export function deleteGroup(env: Environment, shard: Shard, groupId: string): Promise<ErrorName> {
  const group = existing(shard, groupId)
  if (group.state !== 'Empty') {
    refuse('NON_EMPTY_GROUP', `group ${groupId} has ${group.members.size} members; stop them first`)
  }
  return new Promise((resolve) => {
    remove(env, shard, groupId, keysOf(shard, groupId), group, resolve)
  })
}

/** @returns an error for each, in their order. @throws KafkaError */
export function deleteOffsets(
  env: Environment,
  shard: Shard,
  groupId: string,
  keys: OffsetKey[],
): ErrorName[] | Promise<ErrorName[]> {
  const group = existing(shard, groupId)
  if (group.state !== 'Empty' && group.protocolType !== CONSUMER) {
    refuse('NON_EMPTY_GROUP', `group ${groupId} has members; what they read is not known`)
  }
  const subscribed = topicsOf(group)
  const kept = keys.map(({ topic }) => subscribed === undefined || subscribed.has(topic))
  const known = keys.filter((key, i) => !kept[i] && shard.offsets.appended(groupId, key) !== null)
  const outcome = (error: ErrorName): ErrorName[] =>
    kept.map((keep) => (keep ? 'GROUP_SUBSCRIBED_TO_TOPIC' : error))
  if (known.length === 0) return outcome('NONE')
  return new Promise((resolve) => {
    remove(env, shard, groupId, known, null, (error) => resolve(outcome(error)))
  })
}

const existing = (shard: Shard, groupId: string): Group =>
  shard.groups.get(groupId) ?? refuse('GROUP_ID_NOT_FOUND', `group ${groupId} does not exist`)

/** What the members of a consumer group read; undefined when it cannot be told, so it may be all. */
function topicsOf(group: Group): Set<string> | undefined {
  const topics = new Set<string>()
  for (const member of group.members.values()) {
    const subscription = subscribedTopics(metadataFor(member, group.protocolName))
    if (subscription === undefined) return undefined
    for (const topic of subscription) topics.add(topic)
  }
  return topics
}

/** Runs until a yield, where the loop may turn. */
export type Slices = Generator<void, void>

/** Offsets past their retention, and empty groups that have none left. */
export function* removeExpired(env: Environment, shard: Shard): Slices {
  const now = env.clock.now()
  const retentionMs = env.config.int('offsets.retention.minutes') * 60_000
  let looked = 0
  for (const group of [...shard.groups.values()]) {
    if (++looked % GROUPS_PER_SLICE === 0) yield
    if (shard.phase !== 'active') return
    if (shard.groups.get(group.groupId) !== group) continue
    const age = ageOf(group, now)
    const all = [...shard.offsets.allAppended(group.groupId)]
    const expired = all.filter(([key, value]) => {
      const ms = age(key, value)
      if (ms === undefined) return false
      return value.expireTimestampMs === null ? ms >= retentionMs : now >= value.expireTimestampMs
    })
    const isVoid = expired.length === all.length && isDone(group)
    if (expired.length === 0 && !isVoid) continue
    const keys = expired.map(([key]) => key)
    quietly(env, group.groupId, () =>
      remove(env, shard, group.groupId, keys, isVoid ? group : null),
    )
  }
}

const isDone = (group: Group) => group.state === 'Empty' && group.promised.size === 0

/**
 * How long nobody has used an offset; undefined: somebody does. In an empty group time counts from
 * when the last member left, or from a later commit (Kafka forgets the latter).
 */
function ageOf(
  group: Group,
  now: number,
): (key: OffsetKey, value: CommittedOffset) => number | undefined {
  if (group.protocolType === null) return (_, { commitTimestampMs }) => now - commitTimestampMs
  if (group.state === 'Empty') {
    return (_, value) => now - Math.max(group.stateTimestampMs, value.commitTimestampMs)
  }
  if (group.state !== 'Stable' || group.protocolType !== CONSUMER) return () => undefined
  const subscribed = topicsOf(group)
  if (subscribed === undefined) return () => undefined
  return ({ topic }, value) => (subscribed.has(topic) ? undefined : now - value.commitTimestampMs)
}

/** Offsets of topics that are gone (G8). @param topics id → name */
export function* removeTopics(
  env: Environment,
  shard: Shard,
  topics: ReadonlyMap<string, string>,
): Slices {
  const names = new Set(topics.values())
  let looked = 0
  for (const groupId of [...shard.offsets.groups()]) {
    if (++looked % GROUPS_PER_SLICE === 0) yield
    if (shard.phase !== 'active') return
    const gone = [...shard.offsets.allAppended(groupId)].filter(
      ([{ topic }, { topicId }]) => names.has(topic) && isOneOf(topics, topic, topicId),
    )
    if (gone.length === 0) continue
    const keys = gone.map(([key]) => key)
    quietly(env, groupId, () => remove(env, shard, groupId, keys, null))
  }
}

/** An offset without a topic id (of an old broker) belongs to whatever had the name. */
const isOneOf = (topics: ReadonlyMap<string, string>, topic: string, topicId: string) =>
  topics.get(topicId) === topic || topicId === ZERO_UUID

/** What fails is tried again with the next sweep. */
function quietly(env: Environment, groupId: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
    env.log.warn({ groupId, error: error.code }, 'offsets of a group could not be removed')
  }
}
