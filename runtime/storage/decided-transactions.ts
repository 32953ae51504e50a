/**
 * What the cleaner must know of transactions: which of them were aborted, whose records are no
 * values of their keys, and whether a marker still has data before it. Both are read from the log
 * itself, by batch headers and markers.
 *
 * Source: Kafka's CleanedTransactionMetadata (KIP-98).
 */
import {
  BATCH_HEADER_BYTES,
  baseOffset,
  batchSize,
  isControl,
  isTransactional,
  producerId,
  recordCount,
} from '../../transport/records/batch.ts'
import { decodeControlRecord } from '../../transport/records/control.ts'
import { records } from '../../transport/records/records.ts'

type Range = { first: number; last: number }

export type Transactions = {
  /** producer id → first offset of a transaction that nothing has ended so far. */
  open: Map<number, number>
  /** producer id → aborted transactions, in order. */
  aborted: Map<number, Range[]>
  /** Producers whose batches of a transaction were met while copying, its marker not yet. */
  withData: Set<number>
}

export const noTransactions = (): Transactions => ({
  open: new Map(),
  aborted: new Map(),
  withData: new Set(),
})

/** First pass: every batch of the log in order. */
export function noteTransaction({ open, aborted }: Transactions, b: Buffer, at: number) {
  if (!isTransactional(b, at)) return
  const id = producerId(b, at)
  const first = open.get(id)
  if (!isControl(b, at)) {
    if (first === undefined) open.set(id, baseOffset(b, at))
    return
  }
  open.delete(id)
  if (first === undefined || !isAbort(b, at)) return
  const range = { first, last: baseOffset(b, at) }
  const ranges = aborted.get(id)
  if (ranges === undefined) aborted.set(id, [range])
  else ranges.push(range)
}

/** An emptied marker says nothing; its transaction has no data any more. */
function isAbort(b: Buffer, at: number): boolean {
  if (recordCount(b, at) === 0 || batchSize(b, at) <= BATCH_HEADER_BYTES) return false
  for (const { key, value } of records(b, at))
    return decodeControlRecord(key, value)?.type === 'abort'
  return false
}

/** Where the first transaction begins that is still open; undefined: all are decided. */
export function firstUndecided({ open }: Transactions): number | undefined {
  return open.size === 0 ? undefined : Math.min(...open.values())
}

export function isAborted({ aborted }: Transactions, b: Buffer, at: number): boolean {
  if (aborted.size === 0 || !isTransactional(b, at) || isControl(b, at)) return false
  const offset = baseOffset(b, at)
  const ranges = aborted.get(producerId(b, at))
  return ranges?.some(({ first, last }) => first <= offset && offset < last) ?? false
}

/**
 * Second pass, over the batches that are copied. A marker goes only once all data of its
 * transaction has gone before it (S9).
 * @returns whether this batch is a marker without data
 */
export function isMarkerWithoutData({ withData }: Transactions, b: Buffer, at: number): boolean {
  if (!isTransactional(b, at)) return false
  if (isControl(b, at)) return !withData.delete(producerId(b, at))
  withData.add(producerId(b, at))
  return false
}
