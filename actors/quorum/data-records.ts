/** Batches of metadata records, as they stand in the log and in snapshots. */
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
} from '../../transport/records/metadata.ts'
import { encodeBatch, records } from '../../transport/records/records.ts'
import { invariant } from '../invariant.ts'

export const encodeDataBatch = (of: {
  baseOffset: number
  leaderEpoch: number
  timestampMs: number
  records: MetadataRecord[]
}): Buffer =>
  encodeBatch({
    baseOffset: of.baseOffset,
    leaderEpoch: of.leaderEpoch,
    records: of.records.map((record) => ({
      key: null,
      value: encodeMetadataRecord(record),
      timestamp: of.timestampMs,
    })),
  })

/** @throws DecodeError, or KafkaError INVALID_RECORD or UNSUPPORTED_VERSION */
export function decodeDataBatch(bytes: Buffer, at: number): MetadataRecord[] {
  const all: MetadataRecord[] = []
  for (const { value } of records(bytes, at)) {
    invariant(value !== null, 'metadata records have a value')
    all.push(decodeMetadataRecord(value))
  }
  return all
}
