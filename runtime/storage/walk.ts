/**
 * Walks the batches of a segment's file in order, reading ahead in pieces.
 *
 * Bytes that cannot be a batch end the walk, as the end of the file does: who cares compares the
 * position with the size.
 */
import { BATCH_HEADER_BYTES, batchSize } from '../../transport/records/batch.ts'
import type { OpenFiles } from './open-files.ts'
import type { Segment } from './segment.ts'

/** One read: enough for many small batches, little for the header of a big one. */
const HEADER_READ_BYTES = 16 * 1024
const WHOLE_READ_BYTES = 256 * 1024

/**
 * @param want 'whole' batches, or 'headers' (batches that fit into one read come whole all the same)
 * @param visit told the bytes, where in them the batch begins, and its position in the file; false ends the
 *   walk before that batch. The bytes are good until it returns.
 * @returns the position of the first batch that was not passed
 */
export function walkBatches(
  segment: Pick<Segment, 'log' | 'sizeBytes'>,
  files: OpenFiles,
  from: number,
  want: 'headers' | 'whole',
  visit: (bytes: Buffer, at: number, position: number) => boolean,
): number {
  const { log, sizeBytes } = segment
  const readBytes = want === 'whole' ? WHOLE_READ_BYTES : HEADER_READ_BYTES
  let bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(readBytes, sizeBytes - from)))
  let start = from // position of the first of `bytes`
  let held = 0 // how many of them are read
  let position = from

  /** Has `needed` bytes at hand from `position` on, or says that the file ends before. */
  function reach(needed: number): boolean {
    if (position + needed <= start + held) return true
    if (position + needed > sizeBytes) return false
    const ahead = Math.min(Math.max(needed, readBytes), sizeBytes - position)
    if (ahead > bytes.length) bytes = Buffer.allocUnsafeSlow(ahead)
    held = log.disk.read(files.fd(log), bytes, 0, ahead, position)
    start = position
    return held >= needed
  }

  while (reach(BATCH_HEADER_BYTES)) {
    const size = batchSize(bytes, position - start)
    if (size < BATCH_HEADER_BYTES || position + size > sizeBytes) return position
    if ((want === 'whole' || size <= readBytes) && !reach(size)) return position
    if (!visit(bytes, position - start, position)) return position
    position += size
  }
  return position
}
