/**
 * The two snapshots that formatting writes: `bootstrap.checkpoint`, the records that the first
 * active controller of an empty log appends, and `0-0.checkpoint`, the first voters (KIP-853).
 */
import type { Voter } from '../../actors/quorum/types.ts'
import { batches, isControl } from '../../transport/records/batch.ts'
import {
  type ControlRecord,
  decodeControlRecord,
  encodeControlRecord,
} from '../../transport/records/control.ts'
import {
  decodeMetadataRecord,
  encodeMetadataRecord,
  type MetadataRecord,
} from '../../transport/records/metadata.ts'
import { encodeBatch, type NewRecord, records } from '../../transport/records/records.ts'
import { UserError } from '../config/user-error.ts'
import type { Disk } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node-disk.ts'

export const BOOTSTRAP_CHECKPOINT = 'bootstrap.checkpoint'
export const VOTERS_CHECKPOINT = '00000000000000000000-0000000000.checkpoint'

/** kraft.version 1 is the one with directory ids. */
const KRAFT_VERSION = 1

function batch(baseOffset: number, entries: NewRecord[], isControlBatch: boolean): Buffer {
  return encodeBatch({ baseOffset, leaderEpoch: 0, records: entries, isControl: isControlBatch })
}

const control = (record: ControlRecord, timestamp: number): NewRecord => ({
  ...encodeControlRecord(record),
  timestamp,
})

const header = (lastContainedLogTimestamp: number): ControlRecord => ({
  type: 'snapshotHeader',
  version: 0,
  lastContainedLogTimestamp,
})
const footer: ControlRecord = { type: 'snapshotFooter', version: 0 }

/** @param nowMs wall clock, which the batches are stamped with */
export function encodeBootstrap(content: MetadataRecord[], nowMs: number): Buffer {
  const body = content.map((record) => ({
    key: null,
    value: encodeMetadataRecord(record),
    timestamp: nowMs,
  }))
  return Buffer.concat([
    batch(0, [control(header(0), nowMs)], true),
    batch(1, body, false),
    batch(1 + body.length, [control(footer, nowMs)], true),
  ])
}

/** @throws KafkaError CORRUPT_MESSAGE or DecodeError when the file is damaged */
export function readBootstrap(path: string, disk: Disk = nodeDisk): MetadataRecord[] {
  const bytes = disk.readFile(path)
  if (bytes === undefined) throw new UserError(`${path} is missing; restore it or format anew`)
  const found: MetadataRecord[] = []
  for (const at of batches(bytes)) {
    if (isControl(bytes, at)) continue
    for (const { value } of records(bytes, at)) if (value) found.push(decodeMetadataRecord(value))
  }
  return found
}

export function encodeVoters(voters: Voter[], nowMs: number): Buffer {
  const set: ControlRecord = {
    type: 'kRaftVoters',
    version: 0,
    voters: voters.map(({ id, directoryId, endpoints, kraftVersion }) => ({
      voterId: id,
      voterDirectoryId: directoryId,
      endpoints,
      kRaftVersionFeature: {
        minSupportedVersion: kraftVersion.min,
        maxSupportedVersion: kraftVersion.max,
      },
    })),
  }
  const start: ControlRecord[] = [
    header(nowMs),
    { type: 'kRaftVersion', version: 0, kRaftVersion: KRAFT_VERSION },
    set,
  ]
  return Buffer.concat([
    batch(
      0,
      start.map((record) => control(record, nowMs)),
      true,
    ),
    batch(start.length, [control(footer, nowMs)], true),
  ])
}

/** The voters that a checkpoint names; empty where it names none. */
export function readVoters(bytes: Buffer): Voter[] {
  for (const at of batches(bytes)) {
    if (!isControl(bytes, at)) continue
    for (const { key, value } of records(bytes, at)) {
      const record = decodeControlRecord(key, value)
      if (record?.type !== 'kRaftVoters') continue
      return record.voters.map((voter) => ({
        id: voter.voterId,
        directoryId: voter.voterDirectoryId,
        endpoints: voter.endpoints,
        kraftVersion: {
          min: voter.kRaftVersionFeature.minSupportedVersion,
          max: voter.kRaftVersionFeature.maxSupportedVersion,
        },
      }))
    }
  }
  return []
}
