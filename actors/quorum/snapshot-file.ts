/**
 * The bytes of a snapshot (`OFFSET-EPOCH.checkpoint`): record batches counted from 0, of which the
 * first holds header, kraft.version and voters, the last the footer, and those between the data.
 *
 * Source: KIP-630, KIP-853. Kafka's own tools read these files, and we read theirs.
 */
import { batches, batchSize, isControl } from '../../transport/records/batch.ts'
import type { ControlRecord } from '../../transport/records/control.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { invariant } from '../invariant.ts'
import type { SnapshotId, SnapshotReader, SnapshotWriter } from '../ports/quorum-store.ts'
import {
  controlRecords,
  encodeControlBatch,
  kraftVersionRecord,
  votersRecord,
} from './control-records.ts'
import { decodeDataBatch, encodeDataBatch } from './data-records.ts'
import type { LoadedSnapshot, Voter } from './types.ts'

/** What a snapshot says of the quorum itself. */
export type SnapshotHead = {
  lastContainedTimestampMs: number
  kraftVersion: number
  voters: Voter[]
}

export type SnapshotBatches = {
  head(of: SnapshotHead): Buffer
  data(records: MetadataRecord[]): Buffer
  foot(): Buffer
}

/** Batches in the order in which they are asked for; each takes the next offsets. */
export function snapshotBatches(id: SnapshotId, nowMs: number): SnapshotBatches {
  let next = 0
  const control = (records: ControlRecord[], timestampMs: number): Buffer => {
    const baseOffset = next
    next += records.length
    return encodeControlBatch({ baseOffset, leaderEpoch: id.epoch, timestampMs, records })
  }
  return {
    head({ lastContainedTimestampMs, kraftVersion, voters }) {
      const header: ControlRecord = {
        type: 'snapshotHeader',
        version: 0,
        lastContainedLogTimestamp: lastContainedTimestampMs,
      }
      const quorum =
        kraftVersion > 0 ? [kraftVersionRecord(kraftVersion), votersRecord(voters)] : []
      return control([header, ...quorum], nowMs)
    },
    data(records) {
      const baseOffset = next
      next += records.length
      return encodeDataBatch({ baseOffset, leaderEpoch: id.epoch, timestampMs: nowMs, records })
    },
    foot: () => control([{ type: 'snapshotFooter', version: 0 }], nowMs),
  }
}

/** A whole snapshot without data: what `format` writes as `0-0.checkpoint` for the first voters. */
export function writeBootstrapSnapshot(
  writer: SnapshotWriter,
  of: { voters: Voter[]; nowMs: number },
): void {
  const bytes = snapshotBatches({ offset: 0, epoch: 0 }, of.nowMs)
  writer.append(bytes.head({ lastContainedTimestampMs: 0, kraftVersion: 1, voters: of.voters }))
  writer.append(bytes.foot())
  writer.freeze()
}

const chunkBytes = 1024 * 1024

/** Whole batches, read piece by piece; a batch above the piece's size is read at once. */
function* pieces(reader: SnapshotReader): Generator<Buffer> {
  let size = chunkBytes
  for (let at = 0; at < reader.sizeBytes; ) {
    const bytes = reader.read(at, size)
    let whole = 0
    for (const position of batches(bytes)) whole = position + batchSize(bytes, position)
    if (whole === 0) {
      invariant(bytes.length === size, 'R16: a snapshot ends with a whole batch', { at })
      size *= 2
      continue
    }
    yield bytes.subarray(0, whole)
    at += whole
    size = chunkBytes
  }
}

/** Of the last record that went into it, by the leader's clock; -1 when the header does not say. */
export function lastContainedTimestampMs(reader: SnapshotReader): number {
  const head = reader.read(0, Math.min(reader.sizeBytes, chunkBytes))
  for (const { record } of controlRecords(head)) {
    if (record.type === 'snapshotHeader') return record.lastContainedLogTimestamp
  }
  return -1
}

/** What a listener is given; its batches are read from the file as they are asked for. */
export function loadSnapshot(reader: SnapshotReader): LoadedSnapshot {
  return {
    lastContainedOffset: reader.id.offset - 1,
    lastContainedEpoch: reader.id.epoch,
    lastContainedTimestampMs: lastContainedTimestampMs(reader),
    sizeBytes: reader.sizeBytes,
    batches: {
      *[Symbol.iterator]() {
        for (const bytes of pieces(reader)) {
          for (const at of batches(bytes)) {
            if (!isControl(bytes, at)) yield decodeDataBatch(bytes, at)
          }
        }
      },
    },
  }
}
