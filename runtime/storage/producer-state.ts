/**
 * What one log knows of its idempotent producers: epoch, the last five batches, open transaction.
 *
 * Source: KIP-98, KIP-360; Kafka's ProducerStateManager of 4.3.0. A producer that is not known
 * (expired, or its batches were deleted) may go on with any sequence.
 */
import { KafkaError, refuse } from '../../transport/protocol/errors.ts'
import {
  baseOffset,
  baseSequence,
  isControl,
  isTransactional,
  lastOffset,
  lastOffsetDelta,
  lastSequence,
  maxTimestamp,
  producerEpoch,
  producerId,
} from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'

const BATCHES_KEPT = 5
const NONE = -1
const LAST_SEQUENCE = 0x7fff_ffff

export type ProducerBatch = {
  lastSequence: number
  lastOffset: number
  offsetDelta: number
  timestamp: number
}

export type ProducerEntry = {
  producerId: number
  epoch: number
  coordinatorEpoch: number
  lastTimestamp: number
  currentTxnFirstOffset: number | undefined
  /** Oldest first. */
  batches: ProducerBatch[]
}

export type Producers = Map<number, ProducerEntry>

/** The stored batch that this one repeats. */
export function findDuplicate(
  producers: Producers,
  b: Buffer,
  at: number,
): ProducerBatch | undefined {
  const entry = producers.get(producerId(b, at))
  if (entry === undefined || entry.epoch !== producerEpoch(b, at)) return undefined
  const last = lastSequence(b, at)
  const delta = lastOffsetDelta(b, at)
  return entry.batches.find((kept) => kept.lastSequence === last && kept.offsetDelta === delta)
}

/** I2, I3. @throws KafkaError INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER */
export function checkProducer(producers: Producers, b: Buffer, at: number, checkSequence: boolean) {
  const entry = producers.get(producerId(b, at))
  if (entry === undefined) return
  const epoch = producerEpoch(b, at)
  if (epoch < entry.epoch) {
    refuse(
      'INVALID_PRODUCER_EPOCH',
      `producer ${entry.producerId} has epoch ${entry.epoch} here, the batch ${epoch}`,
    )
  }
  if (!checkSequence) return
  const first = baseSequence(b, at)
  if (epoch !== entry.epoch) {
    if (first !== 0) {
      refuse(
        'OUT_OF_ORDER_SEQUENCE_NUMBER',
        `epoch ${epoch} of producer ${entry.producerId} begins with sequence ${first}, not 0`,
      )
    }
    return
  }
  const last = entry.batches.at(-1)?.lastSequence ?? NONE
  const next = last === LAST_SEQUENCE ? 0 : last + 1
  if (first !== next) {
    refuse(
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
      `producer ${entry.producerId} sent sequence ${first} after ${last}`,
    )
  }
}

/** Takes over a stored batch that has its offsets. Batches without producer change nothing. */
export function updateProducers(producers: Producers, b: Buffer, at: number) {
  const id = producerId(b, at)
  if (id === NONE) return
  const entry = entryOf(producers, id, producerEpoch(b, at))
  entry.lastTimestamp = maxTimestamp(b, at)
  if (isControl(b, at)) {
    entry.coordinatorEpoch = coordinatorEpochOf(b, at) ?? entry.coordinatorEpoch
    entry.currentTxnFirstOffset = undefined
    return
  }
  entry.batches.push({
    lastSequence: lastSequence(b, at),
    lastOffset: lastOffset(b, at),
    offsetDelta: lastOffsetDelta(b, at),
    timestamp: maxTimestamp(b, at),
  })
  if (entry.batches.length > BATCHES_KEPT) entry.batches.shift()
  if (isTransactional(b, at)) entry.currentTxnFirstOffset ??= baseOffset(b, at)
}

function entryOf(producers: Producers, id: number, epoch: number): ProducerEntry {
  const known = producers.get(id)
  if (known !== undefined) {
    if (known.epoch !== epoch) {
      known.epoch = epoch
      known.batches = []
    }
    return known
  }
  const entry: ProducerEntry = {
    producerId: id,
    epoch,
    coordinatorEpoch: NONE,
    lastTimestamp: NONE,
    currentTxnFirstOffset: undefined,
    batches: [],
  }
  producers.set(id, entry)
  return entry
}

/**
 * The value of an end-of-transaction marker: int16 version, int32 coordinator epoch. The batch is
 * stored by now, so a value that cannot be read changes nothing.
 */
function coordinatorEpochOf(b: Buffer, at: number): number | undefined {
  try {
    for (const { value } of records(b, at)) {
      if (value !== null && value.length >= 6) return value.readInt32BE(2)
    }
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error
  }
  return undefined
}

export function expireProducers(producers: Producers, nowMs: number, expirationMs: number) {
  for (const [id, entry] of producers) {
    if (entry.currentTxnFirstOffset !== undefined) continue
    if (nowMs - entry.lastTimestamp >= expirationMs) producers.delete(id)
  }
}

/** Whether any of what is known of producers stands at or behind an offset. */
export function knowsFrom(producers: Producers, offset: number): boolean {
  for (const { batches, currentTxnFirstOffset } of producers.values()) {
    if ((batches.at(-1)?.lastOffset ?? offset) >= offset) return true
    if ((currentTxnFirstOffset ?? NONE) >= offset) return true
  }
  return false
}
