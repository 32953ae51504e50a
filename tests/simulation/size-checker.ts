/**
 * How large a batch may be that is appended: M10. What is larger than what followers fetch, snapshots hold
 * or a link carries could be appended once, and read by nobody.
 */
import type { Entry, LogView } from './logs.ts'
import { METADATA } from './quorum-checker.ts'
import { must } from './violation.ts'

/** Of the quorum's log: Kafka's bounds on a batch of records. */
const metadataMax = { bytes: 8 * 1024 * 1024, records: 10_000 }

/** @param bytesMaxOf a topic's bound on a batch, message.max.bytes or its own */
export function checkSize(
  { nodeId, name }: LogView,
  { base, last, size }: Entry,
  bytesMaxOf: (log: string) => number,
): void {
  const isMetadata = name === METADATA
  const bytesMax = isMetadata ? metadataMax.bytes : bytesMaxOf(name)
  const recordsMax = isMetadata ? metadataMax.records : Number.MAX_SAFE_INTEGER
  must(
    size <= bytesMax && last - base < recordsMax,
    'M10',
    'no batch is appended that is larger than what is accepted',
    () => ({ node: nodeId, log: name, base, last, size, bytesMax, recordsMax }),
  )
}
