/**
 * What a new active controller writes first: it aborts a metadata transaction that its predecessor
 * left open (KIP-868), and fills an empty log with the bootstrap records, once (KAFKA-20839).
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { MetadataImage } from '../metadata/image.ts'

/** @param openTransaction one whose end is not in the log: nothing of it is in the image */
export function activationRecords(
  image: MetadataImage,
  openTransaction: boolean,
  bootstrapRecords: readonly MetadataRecord[],
): MetadataRecord[] {
  const abort: MetadataRecord[] = openTransaction
    ? [{ type: 'AbortTransactionRecord', reason: 'its controller is not active any more' }]
    : []
  const isEmpty = !image.features().has('metadata.version')
  if (!isEmpty || bootstrapRecords.length === 0) return abort
  return [
    ...abort,
    { type: 'BeginTransactionRecord', name: 'Bootstrap records' },
    ...bootstrapRecords,
    { type: 'EndTransactionRecord' },
  ]
}
