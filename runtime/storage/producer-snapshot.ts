/**
 * Producer state on disk, `<offset>.snapshot`: what was known at that log end.
 *
 * Kafka's format, version 1: int16 version, CRC-32C of what follows it, count, entries. Kafka keeps
 * one batch a producer and so forgets, with a restart, which earlier ones a retry may repeat. We
 * write an entry for each of the last five, oldest first: Kafka, which keeps the last entry of a
 * producer, reads the same as from its own file, and a retry gets its original offset (I1).
 */
import { crc32c } from '../../transport/records/crc32c.ts'
import { type Disk, joinPath } from '../disk/disk.ts'
import type { ProducerBatch, ProducerEntry, Producers } from './producer-state.ts'
import { offsetName } from './segment.ts'
import { MalformedFileError } from './small-files.ts'

export const SNAPSHOT_SUFFIX = '.snapshot'

const VERSION = 1
const HEADER_BYTES = 6 // version and CRC
const COUNT_BYTES = 4
const ENTRY_BYTES = 46
const NONE = -1

const noBatch: ProducerBatch = {
  lastSequence: NONE,
  lastOffset: NONE,
  offsetDelta: 0,
  timestamp: NONE,
}

export const snapshotName = (offset: number) => offsetName(offset) + SNAPSHOT_SUFFIX

/** Not synced: one that a power cut spoils fails its CRC, and the batches are read instead. */
export function writeProducerSnapshot(
  disk: Disk,
  directory: string,
  offset: number,
  producers: Producers,
) {
  disk.writeFile(joinPath(directory, snapshotName(offset)), encodeSnapshot(producers))
}

export function encodeSnapshot(producers: Producers): Buffer {
  const rows = [...producers.values()].flatMap((entry) =>
    (entry.batches.length === 0 ? [noBatch] : entry.batches).map((batch) => ({ entry, batch })),
  )
  const bytes = Buffer.alloc(HEADER_BYTES + COUNT_BYTES + rows.length * ENTRY_BYTES)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeInt32BE(rows.length, HEADER_BYTES)
  rows.forEach(({ entry, batch }, row) => {
    const at = HEADER_BYTES + COUNT_BYTES + row * ENTRY_BYTES
    const isLast = batch === (entry.batches.at(-1) ?? noBatch)
    bytes.writeBigInt64BE(BigInt(entry.producerId), at)
    bytes.writeInt16BE(entry.epoch, at + 8)
    bytes.writeInt32BE(batch.lastSequence, at + 10)
    bytes.writeBigInt64BE(BigInt(batch.lastOffset), at + 14)
    bytes.writeInt32BE(batch.offsetDelta, at + 22)
    bytes.writeBigInt64BE(BigInt(isLast ? entry.lastTimestamp : batch.timestamp), at + 26)
    bytes.writeInt32BE(entry.coordinatorEpoch, at + 34)
    bytes.writeBigInt64BE(BigInt(entry.currentTxnFirstOffset ?? NONE), at + 38)
  })
  bytes.writeUInt32BE(crc32c(bytes, HEADER_BYTES), 2)
  return bytes
}

/** @throws MalformedFileError */
export function readProducerSnapshot(disk: Disk, directory: string, offset: number): Producers {
  const path = joinPath(directory, snapshotName(offset))
  const bytes = disk.readFile(path) ?? Buffer.alloc(0)
  if (bytes.length < HEADER_BYTES + COUNT_BYTES) throw new MalformedFileError(path, 'it is cut off')
  const version = bytes.readInt16BE(0)
  if (version !== VERSION) throw new MalformedFileError(path, `version ${version}`)
  if (bytes.readUInt32BE(2) !== crc32c(bytes, HEADER_BYTES)) {
    throw new MalformedFileError(path, 'its CRC is not that of its bytes')
  }
  const count = bytes.readInt32BE(HEADER_BYTES)
  if (bytes.length !== HEADER_BYTES + COUNT_BYTES + count * ENTRY_BYTES) {
    throw new MalformedFileError(path, `${bytes.length} bytes for ${count} entries`)
  }
  const producers: Producers = new Map()
  for (let row = 0; row < count; row++) {
    takeRow(producers, bytes, HEADER_BYTES + COUNT_BYTES + row * ENTRY_BYTES)
  }
  return producers
}

function takeRow(producers: Producers, bytes: Buffer, at: number) {
  const firstOffset = Number(bytes.readBigInt64BE(at + 38))
  const entry: ProducerEntry = {
    producerId: Number(bytes.readBigInt64BE(at)),
    epoch: bytes.readInt16BE(at + 8),
    coordinatorEpoch: bytes.readInt32BE(at + 34),
    lastTimestamp: Number(bytes.readBigInt64BE(at + 26)),
    currentTxnFirstOffset: firstOffset === NONE ? undefined : firstOffset,
    batches: producers.get(Number(bytes.readBigInt64BE(at)))?.batches ?? [],
  }
  const lastOffset = Number(bytes.readBigInt64BE(at + 14))
  if (lastOffset !== NONE) {
    entry.batches.push({
      lastSequence: bytes.readInt32BE(at + 10),
      lastOffset,
      offsetDelta: bytes.readInt32BE(at + 22),
      timestamp: entry.lastTimestamp,
    })
  }
  producers.set(entry.producerId, entry)
}
