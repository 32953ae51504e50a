/**
 * Reads whole batches: from the tail cache where the newest are asked for, else by one read of the
 * file, found by where the reader went on last time or by the index. What is returned is never
 * written to again (S12).
 */
import { refuse } from '../../transport/protocol/errors.ts'
import { BATCH_HEADER_BYTES, batchSize, nextOffset } from '../../transport/records/batch.ts'
import { type LogState, segmentIndexAt } from './log-state.ts'
import { positionBefore } from './offset-index.ts'
import { findPosition, type Segment } from './segment.ts'
import { findInTail } from './tail-cache.ts'

const CURSORS_MAX = 4
/** Read beyond what was asked for, so that looking for the first batch costs no second read. */
const SLACK_BYTES = 8 * 1024
const RELATIVE_OFFSET_MAX = 0x7fff_ffff
const nothing = Buffer.alloc(0)

/** Part of a run of whole batches. */
type Run = { from: number; to: number; nextOffset: number }

export function read(
  log: LogState,
  from: number,
  maxBytes: number,
  upTo: number,
  minOneBatch: boolean,
): Buffer {
  if (from < log.startOffset || from > log.endOffset) {
    refuse(
      'OFFSET_OUT_OF_RANGE',
      `offset ${from} of ${log.topic}-${log.partition}, which holds ${log.startOffset} to ${log.endOffset}`,
    )
  }
  if (from >= upTo || from === log.endOffset) return nothing
  const inTail = findInTail(log.tail, from)
  return inTail >= 0
    ? readTail(log, inTail, from, maxBytes, upTo, minOneBatch)
    : readFiles(log, from, maxBytes, upTo, minOneBatch)
}

function readTail(
  log: LogState,
  index: number,
  from: number,
  maxBytes: number,
  upTo: number,
  minOneBatch: boolean,
): Buffer {
  const { entries } = log.tail
  const first = entries[index]!
  const run = cut(first.bytes, skipBelow(first.bytes, 0, from), maxBytes, upTo, minOneBatch)
  const parts = [first.bytes.subarray(run.from, run.to)]
  let bytes = run.to - run.from
  let reached = run.to === first.bytes.length
  for (let i = index + 1; reached && i < entries.length; i++) {
    const { bytes: more } = entries[i]!
    const next = cut(more, 0, maxBytes - bytes, upTo, false)
    if (next.to === 0) break
    parts.push(more.subarray(0, next.to))
    bytes += next.to
    reached = next.to === more.length
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes)
}

function readFiles(
  log: LogState,
  from: number,
  maxBytes: number,
  upTo: number,
  minOneBatch: boolean,
): Buffer {
  for (let index = segmentIndexAt(log, from); index < log.segments.length; index++) {
    const segment = log.segments[index]!
    const position = begin(log, segment, from)
    if (position >= segment.sizeBytes) continue
    const bytes = readSegment(log, segment, position, maxBytes + SLACK_BYTES)
    const start = skipBelow(bytes, 0, from)
    if (start === -1) return readFarther(log, segment, position, from, maxBytes, upTo, minOneBatch)
    if (start === bytes.length && position + start >= segment.sizeBytes) continue
    const run = cut(bytes, start, maxBytes, upTo, minOneBatch)
    if (run.to > run.from) {
      remember(log, { offset: run.nextOffset, segment, position: position + run.to })
      return bytes.subarray(run.from, run.to)
    }
    if (holdsBatch(bytes, start)) return nothing
    if (start === 0) return minOneBatch ? readOne(log, segment, position, upTo) : nothing
    // Cut off by what stands before it: the same again from its begin.
    remember(log, { offset: from, segment, position: position + start })
    return readFiles(log, from, maxBytes, upTo, minOneBatch)
  }
  return nothing
}

/** The batch that holds `from` begins behind what was read: walk to it. */
function readFarther(
  log: LogState,
  segment: Segment,
  position: number,
  from: number,
  maxBytes: number,
  upTo: number,
  minOneBatch: boolean,
): Buffer {
  const at = findPosition(segment, log.shared.files, from)
  if (at <= position) return minOneBatch ? readOne(log, segment, at, upTo) : nothing
  remember(log, { offset: from, segment, position: at })
  return readFiles(log, from, maxBytes, upTo, minOneBatch)
}

/** A first batch that is larger than what was asked for comes all the same. */
function readOne(log: LogState, segment: Segment, position: number, upTo: number): Buffer {
  const header = readSegment(log, segment, position, BATCH_HEADER_BYTES)
  if (header.length < BATCH_HEADER_BYTES || nextOffset(header, 0) > upTo) return nothing
  const bytes = readSegment(log, segment, position, batchSize(header, 0))
  remember(log, { offset: nextOffset(header, 0), segment, position: position + bytes.length })
  return bytes
}

function readSegment(log: LogState, segment: Segment, position: number, bytesMax: number): Buffer {
  const length = Math.min(bytesMax, segment.sizeBytes - position)
  const bytes = Buffer.allocUnsafeSlow(length)
  const { log: file } = segment
  const done = file.disk.read(log.shared.files.fd(file), bytes, 0, length, position)
  return done === length ? bytes : bytes.subarray(0, done)
}

function begin(log: LogState, segment: Segment, from: number): number {
  const known = log.cursors.find((cursor) => cursor.offset === from && cursor.segment === segment)
  if (known !== undefined) return known.position
  const relative = from - segment.baseOffset
  if (relative <= 0) return 0
  return positionBefore(segment.offsets, log.shared.files, Math.min(relative, RELATIVE_OFFSET_MAX))
}

function remember(log: LogState, cursor: LogState['cursors'][number]) {
  if (log.cursors.length === CURSORS_MAX) log.cursors.shift()
  log.cursors.push(cursor)
}

const holdsBatch = (bytes: Buffer, at: number) =>
  bytes.length - at >= BATCH_HEADER_BYTES && batchSize(bytes, at) <= bytes.length - at

/** Position of the first batch that reaches beyond `offset`; -1 when it is not among these bytes. */
function skipBelow(bytes: Buffer, start: number, offset: number): number {
  let at = start
  while (at < bytes.length) {
    if (bytes.length - at < BATCH_HEADER_BYTES) return -1
    if (nextOffset(bytes, at) > offset) return at
    const size = batchSize(bytes, at)
    if (size > bytes.length - at) return -1
    at += size
  }
  return at
}

/** The whole batches from `start` that fit into `maxBytes` and end at or below `upTo`. */
function cut(
  bytes: Buffer,
  start: number,
  maxBytes: number,
  upTo: number,
  minOneBatch: boolean,
): Run {
  let at = start
  let next = -1
  while (holdsBatch(bytes, at)) {
    const size = batchSize(bytes, at)
    const isFirst = minOneBatch && at === start
    if (at + size - start > maxBytes && !isFirst) break
    const end = nextOffset(bytes, at)
    if (end > upTo) break
    at += size
    next = end
  }
  return { from: start, to: at, nextOffset: next }
}
