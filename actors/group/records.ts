/**
 * What a coordinator writes to `__consumer_offsets`, and what it reads back.
 *
 * An int16 leads both halves: in the key it is the type, in the value the version. Written are the
 * versions that Kafka 4.3 writes: offsets in 4 (in 1 when they carry an expiry of their own), group
 * metadata in 3.
 */
import { refuse } from '../../transport/protocol/errors.ts'
import { decodeRecord, encodeRecord, type RecordType } from '../../transport/protocol/record.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitKey,
  OffsetCommitKey,
  OffsetCommitValue,
} from '../../transport/schemas/records/classic-group.ts'
import { ConsumerProtocolSubscription } from '../../transport/schemas/records/consumer-protocol.ts'
import type { KeyValue } from './coordinator-log.ts'
import { addMember, type Group, metadataFor, NO_BYTES, newGroup, newMember } from './members.ts'
import type { CommittedOffset, OffsetKey } from './offsets.ts'

const GROUP_METADATA_VERSION = 3
const OFFSET_VERSION = 4
const EXPIRING_OFFSET_VERSION = 1

function led(by: number, body: Buffer): Buffer {
  const out = Buffer.allocUnsafe(2 + body.length)
  out.writeInt16BE(by, 0)
  body.copy(out, 2)
  return out
}

function leading(bytes: Buffer): number {
  if (bytes.length < 2) refuse('INVALID_RECORD', `${bytes.length} bytes where a type is led by two`)
  return bytes.readInt16BE(0)
}

const keyType = (of: RecordType): number => of.key ?? -1

const groupKey = (groupId: string): Buffer =>
  led(keyType(GroupMetadataKey), encodeRecord(GroupMetadataKey, 0, { group: groupId }))

const offsetKey = (group: string, { topic, partition }: OffsetKey): Buffer =>
  led(keyType(OffsetCommitKey), encodeRecord(OffsetCommitKey, 0, { group, topic, partition }))

export function offsetRecord(groupId: string, key: OffsetKey, value: CommittedOffset): KeyValue {
  const version = value.expireTimestampMs === null ? OFFSET_VERSION : EXPIRING_OFFSET_VERSION
  const body = encodeRecord(OffsetCommitValue, version, {
    offset: value.offset,
    leaderEpoch: value.leaderEpoch,
    metadata: value.metadata,
    commitTimestamp: value.commitTimestampMs,
    expireTimestamp: value.expireTimestampMs ?? -1,
    topicId: value.topicId,
  })
  return { key: offsetKey(groupId, key), value: led(version, body) }
}

export const offsetTombstone = (groupId: string, key: OffsetKey): KeyValue => ({
  key: offsetKey(groupId, key),
  value: null,
})

export const groupTombstone = (groupId: string): KeyValue => ({
  key: groupKey(groupId),
  value: null,
})

/** @param assignments of the generation; a member without one has none */
export function groupRecord(group: Group, assignments: ReadonlyMap<string, Buffer>): KeyValue {
  const body = encodeRecord(GroupMetadataValue, GROUP_METADATA_VERSION, {
    protocolType: group.protocolType ?? '',
    generation: group.generationId,
    protocol: group.protocolName,
    leader: group.leaderId,
    currentStateTimestamp: group.stateTimestampMs,
    members: Array.from(group.members.values(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeout: member.rebalanceTimeoutMs,
      sessionTimeout: member.sessionTimeoutMs,
      subscription: metadataFor(member, group.protocolName),
      assignment: assignments.get(member.memberId) ?? NO_BYTES,
    })),
  })
  return { key: groupKey(group.groupId), value: led(GROUP_METADATA_VERSION, body) }
}

export type Replayed =
  | { type: 'offset'; groupId: string; key: OffsetKey; value: CommittedOffset | null }
  /** null: a tombstone. */
  | { type: 'group'; groupId: string; group: Group | null }
  /** Of the newer group protocols, or of versions to come: not ours to understand. */
  | { type: 'other'; keyType: number }

/** @throws KafkaError when the record is not what its key says */
export function readRecord(key: Buffer, value: Buffer | null): Replayed {
  const type = leading(key)
  switch (type) {
    case keyType(LegacyOffsetCommitKey):
    case keyType(OffsetCommitKey): {
      const { group: groupId, ...at } = decodeRecord(OffsetCommitKey, 0, key, 2)
      return { type: 'offset', groupId, key: at, value: value && readOffset(value) }
    }
    case keyType(GroupMetadataKey): {
      const { group: groupId } = decodeRecord(GroupMetadataKey, 0, key, 2)
      return { type: 'group', groupId, group: value && readGroup(groupId, value) }
    }
    default:
      return { type: 'other', keyType: type }
  }
}

function readOffset(value: Buffer): CommittedOffset {
  const read = decodeRecord(OffsetCommitValue, leading(value), value, 2)
  return {
    offset: read.offset,
    leaderEpoch: read.leaderEpoch,
    metadata: read.metadata,
    commitTimestampMs: read.commitTimestamp,
    expireTimestampMs: read.expireTimestamp === -1 ? null : read.expireTimestamp,
    topicId: read.topicId,
  }
}

function readGroup(groupId: string, value: Buffer): Group {
  const read = decodeRecord(GroupMetadataValue, leading(value), value, 2)
  const group = newGroup(groupId, read.currentStateTimestamp)
  group.generationId = read.generation
  for (const row of read.members) {
    const member = newMember(row.memberId, row.groupInstanceId, {
      clientId: row.clientId,
      clientHost: row.clientHost,
      rebalanceTimeoutMs: row.rebalanceTimeout === -1 ? row.sessionTimeout : row.rebalanceTimeout,
      sessionTimeoutMs: row.sessionTimeout,
      // Copies: the buffer that is replayed is not ours to keep.
      protocols: [{ name: read.protocol ?? '', metadata: Buffer.from(row.subscription) }],
    })
    member.assignment = Buffer.from(row.assignment)
    member.isNew = false
    member.synced = true
    addMember(group, read.protocolType, member)
  }
  group.protocolType = read.protocolType === '' ? null : read.protocolType
  group.protocolName = read.protocol
  group.leaderId = read.leader
  if (group.members.size > 0) group.state = 'Stable'
  return group
}

/** The topics of a consumer's subscription; undefined when it cannot be read. */
export function subscribedTopics(metadata: Buffer): string[] | undefined {
  try {
    const [, newest] = ConsumerProtocolSubscription.codec.versions
    const version = Math.min(metadata.readInt16BE(0), newest)
    return decodeRecord(ConsumerProtocolSubscription, version, metadata, 2).topics
  } catch {
    return undefined
  }
}
