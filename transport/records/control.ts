/**
 * Control records: the only records of a control batch. Transaction markers stand in data logs,
 * the others in the quorum's log and its snapshots.
 *
 * Source: KIP-98, KIP-595, KIP-630, KIP-853. A key is two int16s, version 0 and the type. Values
 * begin with an int16, the version they are written in.
 */
import { DecodeError } from '../protocol/errors.ts'
import { type Content, decodeRecord, encodeRecord, type RecordType } from '../protocol/record.ts'
import {
  ControlRecordTypeSchema,
  EndTxnMarker,
  KRaftVersionRecord,
  LeaderChangeMessage,
  SnapshotFooterRecord,
  SnapshotHeaderRecord,
  VotersRecord,
} from '../schemas/records/control.ts'

/** `version` is the one the record is, or will be, written in. */
export type ControlRecord =
  | { type: 'abort'; coordinatorEpoch: number }
  | { type: 'commit'; coordinatorEpoch: number }
  | ({ type: 'leaderChange' } & Content<typeof LeaderChangeMessage>)
  | ({ type: 'snapshotHeader' } & Content<typeof SnapshotHeaderRecord>)
  | ({ type: 'snapshotFooter' } & Content<typeof SnapshotFooterRecord>)
  | ({ type: 'kRaftVersion' } & Content<typeof KRaftVersionRecord>)
  | ({ type: 'kRaftVoters' } & Content<typeof VotersRecord>)

const numbers: Record<ControlRecord['type'], number> = {
  abort: 0,
  commit: 1,
  leaderChange: 2,
  snapshotHeader: 3,
  snapshotFooter: 4,
  kRaftVersion: 5,
  kRaftVoters: 6,
}
const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]))

const contents: Record<Exclude<ControlRecord['type'], 'abort' | 'commit'>, RecordType> = {
  leaderChange: LeaderChangeMessage,
  snapshotHeader: SnapshotHeaderRecord,
  snapshotFooter: SnapshotFooterRecord,
  kRaftVersion: KRaftVersionRecord,
  kRaftVoters: VotersRecord,
}

const INT16_BYTES = 2
const versioned = (version: number, body: Buffer): Buffer => {
  const prefix = Buffer.alloc(INT16_BYTES)
  prefix.writeInt16BE(version)
  return Buffer.concat([prefix, body])
}
function version(bytes: Buffer): number {
  if (bytes.length < INT16_BYTES) throw new DecodeError('a control record without a version')
  return bytes.readInt16BE(0)
}

/** @returns key and value for a record of a control batch */
export function encodeControlRecord(record: ControlRecord): { key: Buffer; value: Buffer } {
  const type = encodeRecord(ControlRecordTypeSchema, 0, { type: numbers[record.type] })
  const key = versioned(0, type)
  if (record.type === 'abort' || record.type === 'commit') {
    return { key, value: versioned(0, encodeRecord(EndTxnMarker, 0, record)) }
  }
  return { key, value: encodeRecord(contents[record.type], record.version, record) }
}

/**
 * @returns undefined for a type that 4.3 does not know: it is passed over
 * @throws DecodeError
 */
export function decodeControlRecord(
  key: Buffer | null,
  value: Buffer | null,
): ControlRecord | undefined {
  if (key === null || value === null) throw new DecodeError('a control record without key or value')
  version(key)
  // A later version of the key may go on behind the type.
  const number = decodeRecord(ControlRecordTypeSchema, 0, key.subarray(0, 4), INT16_BYTES).type
  const type = names.get(number) as ControlRecord['type'] | undefined
  if (type === undefined) return undefined
  if (type === 'abort' || type === 'commit') {
    version(value)
    return { type, ...decodeRecord(EndTxnMarker, 0, value, INT16_BYTES) }
  }
  return { type, ...decodeRecord(contents[type], version(value), value) } as ControlRecord
}
