/**
 * The records of `__cluster_metadata` and of its snapshots, as one union of plain objects.
 *
 * Source: KIP-631. A value is framed by unsigned varints: frame version 1, the type's number, the
 * record's version; its key is null. The highest version of every type in 4.3 is the one that
 * metadata.version 30 writes, so that is the default.
 */
import { decoder, encoder } from '../protocol/codec.ts'
import { DecodeError } from '../protocol/errors.ts'
import type { Content } from '../protocol/record.ts'
import { type Position, readUvarint } from '../protocol/uvarint.ts'
import * as cluster from '../schemas/records/metadata-cluster.ts'
import * as security from '../schemas/records/metadata-security.ts'
import * as topics from '../schemas/records/metadata-topics.ts'

const types = { ...cluster, ...topics, ...security }
type Types = typeof types

export type MetadataRecordName = keyof Types
type Named<N extends MetadataRecordName> = { type: N } & Content<Types[N]>
/** One record: its type by name, its fields beside it. */
export type MetadataRecord = {
  [N in MetadataRecordName]: { [K in keyof Named<N>]: Named<N>[K] }
}[MetadataRecordName]

const FRAME_VERSION = 1
const byKey = new Map<number, Types[MetadataRecordName]>(
  Object.values(types).map((type) => [type.key!, type]),
)

/**
 * @param version of the record type; absent: the highest
 * @throws KafkaError UNSUPPORTED_VERSION when a field is set that the version lacks
 */
export function encodeMetadataRecord(record: MetadataRecord, version?: number): Buffer {
  const type = types[record.type]
  const chosen = version ?? type.versions[1]
  // All three numbers stay below 128: a byte each.
  const frame = Buffer.from([FRAME_VERSION, type.key!, chosen])
  return Buffer.concat(encoder(type.codec, chosen)(record, frame))
}

/** @throws DecodeError, or KafkaError UNSUPPORTED_VERSION for a version newer than 4.3's */
export function decodeMetadataRecord(value: Buffer): MetadataRecord {
  const position: Position = { at: 0 }
  const frame = readUvarint(value, position)
  if (frame !== FRAME_VERSION) throw new DecodeError(`a metadata record in frame version ${frame}`)
  const key = readUvarint(value, position)
  const version = readUvarint(value, position)
  const type = byKey.get(key)
  if (type === undefined) throw new DecodeError(`a metadata record of type ${key}, unknown in 4.3`)
  const content = decoder(type.codec, version)(value, position.at) as object
  return { type: type.name, ...content } as MetadataRecord
}
