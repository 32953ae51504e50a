/**
 * Compacts one log: of each key the last value stays. A first pass over the headers learns how
 * transactions ended, a second one the last offset of each key in the dirty part, and then all
 * segments from the start on are copied without what these supersede, small ones grouped into one.
 *
 * Source: Kafka's Cleaner (KIP-58, KIP-354, KIP-534). All in slices, between which the loop turns
 * for as long as the slice took (decision 10), or as `log.cleaner.io.max.bytes.per.second` asks.
 */
import type { Cleaned, CleanerLimits } from '../../actors/ports/log.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import {
  batchSize,
  checkBatch,
  deleteHorizon,
  hasProducerId,
  isControl,
  lastOffset,
  nextOffset,
  producerEpoch,
  producerId,
} from '../../transport/records/batch.ts'
import { type CleanRange, cleanRange, isDirty } from './cleanable.ts'
import { type Cleaning, dropDraft, isStopped } from './cleaning.ts'
import {
  firstUndecided,
  isAborted,
  isMarkerWithoutData,
  noTransactions,
  noteTransaction,
  type Transactions,
} from './decided-transactions.ts'
import { entryCount } from './entry-file.ts'
import { filterBatch, type RawRecord, rawRecords, unpack } from './filter-batch.ts'
import { syncIndexes, syncLogFile } from './flush.ts'
import type { LogState } from './log-state.ts'
import { OFFSET_ENTRY_BYTES } from './offset-index.ts'
import { createOffsetMap, type OffsetMap } from './offset-map.ts'
import { appendToSegment, closeIndexes, fitsSegment, type Segment } from './segment.ts'
import { createDraft, replaceSegments } from './swap.ts'
import { TIME_ENTRY_BYTES } from './time-index.ts'
import { walkBatches } from './walk.ts'

/** About 3 ms of small records. */
const SLICE_BYTES = 128 * 1024
/** What looking at one header costs, in bytes copied. */
const HEADER_COST = 512

type Run = {
  log: LogState
  cleaning: Cleaning
  limits: CleanerLimits
  range: CleanRange
  transactions: Transactions
  nowMs: number
}

/** Ended from outside: its log is as sound as before. */
class Stopped extends Error {}

/**
 * @param upTo the last stable offset: nothing at or behind it is touched
 * @returns undefined: nothing was due, or it was ended by a cut, a removal or a stop
 * @throws KafkaError a batch that cannot be read; StorageError
 */
export async function clean(
  log: LogState,
  upTo: number,
  nowMs: number,
  limits: CleanerLimits,
): Promise<Cleaned | undefined> {
  const range = cleanRange(log, upTo, nowMs)
  if (range === undefined || log.cleaning !== undefined) return undefined
  const cleaning: Cleaning = { endOffset: range.endOffset, isAborted: false, draft: undefined }
  log.cleaning = cleaning
  const transactions = noTransactions()
  try {
    return await cleanAll({ log, cleaning, limits, range, transactions, nowMs })
  } catch (error) {
    if (error instanceof Stopped) return undefined
    throw error
  } finally {
    log.cleaning = undefined
    dropDraft(log, cleaning)
  }
}

async function cleanAll(run: Run): Promise<Cleaned | undefined> {
  const { log } = run
  if (!(await readTransactions(run))) return undefined
  const map = await mapKeys(run)
  const cleanedTo = map.latestOffset + 1
  const segments = log.segments
    .slice(0, run.range.segments)
    .filter(({ baseOffset }) => baseOffset < cleanedTo)
  const bytesBefore = sizeOf(segments)
  // The first gap in a log must be expected by a recovery that meets it.
  if (log.cleanedTo === undefined) {
    log.cleanedTo = run.range.firstDirtyOffset
    await log.checkpoints.cleanerOffsets.writeLater()
  }
  // What is compacted no longer tells where its epochs began: no recovery may have to ask it.
  await log.checkpoints.recoveryPoints.writeLater()
  let bytesAfter = 0
  for (const group of groupSegments(log, segments)) bytesAfter += await cleanGroup(run, map, group)
  goOn(run)
  log.cleanedTo = cleanedTo
  await log.checkpoints.cleanerOffsets.writeLater()
  return { cleanedTo, bytesBefore, bytesAfter }
}

function goOn({ log, cleaning }: Run) {
  if (isStopped(log, cleaning)) throw new Stopped()
}

/** @returns false where a transaction that nothing has ended leaves nothing to clean */
async function readTransactions(run: Run): Promise<boolean> {
  const { log, range, transactions } = run
  for (const segment of log.segments.slice(0, range.segments)) {
    await eachBatch(run, segment, 'headers', (b, at) => {
      noteTransaction(transactions, b, at)
      return HEADER_COST
    })
  }
  const bound = firstUndecided(transactions) ?? range.endOffset
  while (range.segments > 0 && log.segments[range.segments]!.baseOffset > bound) range.segments--
  range.endOffset = log.segments[range.segments]!.baseOffset
  return range.segments > 0 && range.endOffset > range.firstDirtyOffset
}

/** As far as the map holds; what lies behind its last offset stays as it is, this time. */
async function mapKeys(run: Run): Promise<OffsetMap> {
  const { limits, log, range, transactions } = run
  const from = range.firstDirtyOffset
  const map = createOffsetMap(limits.mapBytesMax, limits.mapLoadFactor, range.endOffset - from)
  map.latestOffset = from - 1
  let isFull = false
  for (let index = 0; index < range.segments && !isFull; index++) {
    if (!isDirty(log, index, range)) continue
    await eachBatch(run, log.segments[index]!, 'whole', (b, at) => {
      if (isFull || nextOffset(b, at) <= from) return HEADER_COST
      checkBatch(b, at)
      if (isControl(b, at) || isAborted(transactions, b, at)) return HEADER_COST
      const plain = unpack(b, at)
      for (const { key, offset } of rawRecords(b, at, plain)) {
        if (key === null || offset < from || isFull) continue
        isFull = !map.put(key, offset)
      }
      return plain.length
    })
    if (!isFull) map.latestOffset = log.segments[index + 1]!.baseOffset - 1
  }
  return map
}

/** Runs of segments that fit into one: by bytes, index entries and relative offsets. */
export function groupSegments(log: LogState, segments: Segment[]): Segment[][] {
  const { segmentBytes, segmentIndexBytes } = log.config
  const groups: Segment[][] = []
  let group: Segment[] = []
  const sum = (next: Segment, bytesOf: (segment: Segment) => number) =>
    [...group, next].reduce((bytes, segment) => bytes + bytesOf(segment), 0)
  const fits = (next: Segment, end: number) =>
    group.length > 0 &&
    sum(next, ({ sizeBytes }) => sizeBytes) <= segmentBytes &&
    sum(next, ({ offsets }) => entryCount(offsets) * OFFSET_ENTRY_BYTES) <= segmentIndexBytes &&
    sum(next, ({ times }) => entryCount(times) * TIME_ENTRY_BYTES) <= segmentIndexBytes &&
    fitsSegment(group[0]!, end - 1)
  segments.forEach((segment, index) => {
    if (!fits(segment, log.segments[index + 1]!.baseOffset)) {
      group = []
      groups.push(group)
    }
    group.push(segment)
  })
  return groups
}

/** @returns bytes that are left of it */
async function cleanGroup(run: Run, map: OffsetMap, group: Segment[]): Promise<number> {
  const { cleaning, log } = run
  const { files } = log.shared
  goOn(run)
  const draft = createDraft(log, group[0]!)
  cleaning.draft = draft
  draft.createdMs = group.at(-1)!.createdMs
  let isChanged = group.length > 1
  for (const segment of group) {
    let kept: Buffer[] = []
    const writeKept = () => {
      if (kept.length === 0) return
      appendToSegment(draft, files, Buffer.concat(kept), log.config.indexIntervalBytes)
      kept = []
    }
    const copy = (b: Buffer, at: number) => {
      checkBatch(b, at)
      const batch = filtered(run, map, b, at)
      isChanged ||= batch?.buffer !== b.buffer
      if (batch !== undefined) kept.push(batch.buffer === b.buffer ? Buffer.from(batch) : batch)
      return batchSize(b, at)
    }
    await eachBatch(run, segment, 'whole', copy, writeKept)
  }
  if (!isChanged) {
    dropDraft(log, cleaning)
    return sizeOf(group)
  }
  closeIndexes(draft, files)
  const isWanted = () => !isStopped(log, cleaning)
  await syncLogFile(log, draft, isWanted)
  if (isWanted()) await syncIndexes(log, draft, isWanted)
  goOn(run)
  draft.dirty = false
  draft.indexesDirty = false
  if (!(await replaceSegments(log, cleaning, group, draft))) throw new Stopped()
  return draft.sizeBytes
}

const sizeOf = (segments: Segment[]) => segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

function filtered(run: Run, map: OffsetMap, b: Buffer, at: number): Buffer | undefined {
  const { log, nowMs, range, transactions } = run
  const isMarker = isMarkerWithoutData(transactions, b, at)
  const isPast = (deleteHorizon(b, at) ?? Number.POSITIVE_INFINITY) <= nowMs
  const isDiscarded = isControl(b, at) ? isMarker && isPast : isAborted(transactions, b, at)
  const isSuperseded = ({ key, offset, isTombstone }: RawRecord) =>
    key === null || map.get(key) > offset || (isTombstone && isPast)
  return filterBatch(b, at, {
    keeps: (record) =>
      !isDiscarded &&
      (isControl(b, at) || record.offset > map.latestOffset || !isSuperseded(record)),
    keepsHeader: nextOffset(b, at) === range.endOffset || isLastOfProducer(log, b, at),
    isMarkerWithoutData: isMarker,
    newHorizonMs: nowMs + log.config.deleteRetentionMs,
  })
}

/** Its sequence and epoch are found again from this batch. */
function isLastOfProducer(log: LogState, b: Buffer, at: number): boolean {
  if (!hasProducerId(b, at)) return false
  const entry = log.producers.get(producerId(b, at))
  if (entry === undefined) return false
  const last = entry.batches.at(-1)
  if (last !== undefined) return last.lastOffset === lastOffset(b, at)
  return isControl(b, at) && entry.epoch === producerEpoch(b, at)
}

/** @param visit returns what the batch cost, in bytes */
async function eachBatch(
  run: Run,
  segment: Segment,
  want: 'headers' | 'whole',
  visit: (b: Buffer, at: number) => number,
  afterSlice: () => void = () => {},
) {
  let position = 0
  for (;;) {
    let spent = 0
    const beganMs = run.log.shared.clock.monotonic()
    const end = walkBatches(segment, run.log.shared.files, position, want, (b, at) => {
      if (spent >= SLICE_BYTES) return false
      spent += visit(b, at)
      return true
    })
    afterSlice()
    if (spent < SLICE_BYTES && end < segment.sizeBytes) {
      refuse('CORRUPT_MESSAGE', `no batch at ${end} of segment ${segment.baseOffset}`)
    }
    await rest(run, beganMs, end - position)
    if (end >= segment.sizeBytes) return
    position = end
  }
}

/** Half of the time is for others. */
async function rest(run: Run, beganMs: number, bytes: number) {
  const { clock } = run.log.shared
  const tookMs = clock.monotonic() - beganMs
  const throttleMs = (bytes / run.limits.bytesPerSecondMax) * 1000 - tookMs
  await new Promise<void>((resolve) => {
    clock.setTimeout(resolve, Math.ceil(Math.max(0, tookMs, throttleMs)))
  })
  goOn(run)
}
