/**
 * The records of `__consumer_offsets` that classic groups and committed offsets need, as one
 * union of plain objects. Null contents are tombstones: the offset or the group is gone.
 *
 * Source: Kafka's GroupCoordinatorRecordSerde of 4.3.0. An int16 leads key and value: in the key
 * it tells the type, in the value the version.
 */
import { DecodeError } from '../protocol/errors.ts'
import { type Content, decodeRecord, encodeRecord, type RecordType } from '../protocol/record.ts'
import {
  GroupMetadataKey,
  GroupMetadataValue,
  LegacyOffsetCommitKey,
  OffsetCommitKey,
  OffsetCommitValue,
} from '../schemas/records/classic-group.ts'

export type CommittedOffset = Content<typeof OffsetCommitValue>
export type GroupGeneration = Content<typeof GroupMetadataValue>

export type GroupRecord =
  | {
      type: 'OffsetCommit'
      group: string
      topic: string
      partition: number
      value: CommittedOffset | null
    }
  | { type: 'GroupMetadata'; group: string; value: GroupGeneration | null }

/** `expireTimestamp` exists in version 1 only; without one, 4.3 writes version 4. */
const OFFSET_WITH_EXPIRY = 1
const OFFSET_VERSION = 4
const GROUP_VERSION = 3
const NO_EXPIRY = -1
const INT16_BYTES = 2

export function encodeGroupRecord(record: GroupRecord): { key: Buffer; value: Buffer | null } {
  if (record.type === 'GroupMetadata') {
    const { group, value } = record
    return {
      key: prefixed(GroupMetadataKey.key!, encodeRecord(GroupMetadataKey, 0, { group })),
      value: value === null ? null : versioned(GroupMetadataValue, GROUP_VERSION, value),
    }
  }
  const { group, topic, partition, value } = record
  const key = encodeRecord(OffsetCommitKey, 0, { group, topic, partition })
  const version = value?.expireTimestamp === NO_EXPIRY ? OFFSET_VERSION : OFFSET_WITH_EXPIRY
  return {
    key: prefixed(OffsetCommitKey.key!, key),
    value: value === null ? null : versioned(OffsetCommitValue, version, value),
  }
}

/**
 * @returns undefined for the types of newer groups, which classic groups pass over
 * @throws DecodeError
 */
export function decodeGroupRecord(key: Buffer, value: Buffer | null): GroupRecord | undefined {
  switch (leadingInt16(key)) {
    case LegacyOffsetCommitKey.key:
    case OffsetCommitKey.key: {
      const name = decodeRecord(OffsetCommitKey, 0, key, INT16_BYTES)
      return { type: 'OffsetCommit', ...name, value: content(OffsetCommitValue, value) }
    }
    case GroupMetadataKey.key: {
      const { group } = decodeRecord(GroupMetadataKey, 0, key, INT16_BYTES)
      return { type: 'GroupMetadata', group, value: content(GroupMetadataValue, value) }
    }
    default:
      return undefined
  }
}

const content = <T extends RecordType>(of: T, value: Buffer | null): Content<T> | null =>
  value === null ? null : decodeRecord(of, leadingInt16(value), value, INT16_BYTES)

function leadingInt16(bytes: Buffer): number {
  if (bytes.length < INT16_BYTES) throw new DecodeError('a group record without type or version')
  return bytes.readInt16BE(0)
}

function prefixed(number: number, body: Buffer): Buffer {
  const whole = Buffer.allocUnsafe(INT16_BYTES + body.length)
  whole.writeInt16BE(number)
  body.copy(whole, INT16_BYTES)
  return whole
}

const versioned = <T extends RecordType>(of: T, version: number, value: Content<T>): Buffer =>
  prefixed(version, encodeRecord(of, version, value))
