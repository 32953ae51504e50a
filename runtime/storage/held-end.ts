/**
 * How far a log reached before its bytes went bad: a crash tears the last write, so sound batches
 * behind bad ones speak of decay, and tell what was held once (S2).
 */
import { KafkaError } from '../../transport/protocol/errors.ts'
import {
  BATCH_HEADER_BYTES,
  baseOffset,
  batchSize,
  checkBatch,
  lastOffset,
  nextOffset,
} from '../../transport/records/batch.ts'
import type { OpenFiles } from './open-files.ts'
import type { Segment } from './segment.ts'
import { walkBatches } from './walk.ts'

/** How far behind a length that cannot be right the next batch is looked for. */
const SEARCH_BYTES_MAX = 16 * 1024 * 1024
const MAGIC_AT = 16
const MAGIC = 2

export function isWhole(bytes: Buffer, at: number): boolean {
  try {
    checkBatch(bytes, at)
    return lastOffset(bytes, at) >= 0
  } catch (error) {
    if (error instanceof KafkaError) return false
    throw error
  }
}

/** @returns the end of the last sound batch from `from` on that belongs to this segment; 0: there is none */
export function heldEndBehind(segment: Segment, files: OpenFiles, from: number): number {
  let heldEnd = 0
  for (let position: number | undefined = from; position !== undefined; ) {
    const stopped: number = walkBatches(segment, files, position, 'whole', (bytes, at) => {
      if (isOwn(segment, bytes, at)) heldEnd = Math.max(heldEnd, nextOffset(bytes, at))
      return true
    })
    position = nextBatch(segment, files, stopped + 1)
  }
  return heldEnd
}

const isOwn = ({ baseOffset: first }: Segment, bytes: Buffer, at: number): boolean =>
  isWhole(bytes.subarray(at, at + batchSize(bytes, at)), 0) && baseOffset(bytes, at) >= first

/** Where a length was spoiled the batches behind it are found by their looks. */
function nextBatch(segment: Segment, files: OpenFiles, from: number): number | undefined {
  const { log, sizeBytes } = segment
  const size = Math.min(sizeBytes - from, SEARCH_BYTES_MAX)
  if (size < BATCH_HEADER_BYTES) return undefined
  const bytes = Buffer.allocUnsafeSlow(size)
  const read = log.disk.read(files.fd(log), bytes, 0, size, from)
  for (let at = 0; at + BATCH_HEADER_BYTES <= read; at++) {
    // Offsets have two bytes of zeros in front.
    if (bytes[at + MAGIC_AT] !== MAGIC || bytes[at] !== 0 || bytes[at + 1] !== 0) continue
    const end = at + batchSize(bytes, at)
    if (end <= at + BATCH_HEADER_BYTES || end > read) continue
    if (isOwn(segment, bytes, at)) return from + at
  }
  return undefined
}
