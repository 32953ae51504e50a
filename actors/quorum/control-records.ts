/**
 * Control batches of the metadata log and its snapshots: who leads, who votes, where a snapshot
 * begins and ends (KIP-595, 630, 853).
 */
import { unknownDirectory } from '../../machines/quorum/votes.ts'
import { batches, isControl } from '../../transport/records/batch.ts'
import {
  type ControlRecord,
  decodeControlRecord,
  encodeControlRecord,
} from '../../transport/records/control.ts'
import { encodeBatch, records } from '../../transport/records/records.ts'
import type { ReplicaKey, Voter } from './types.ts'

/** One control batch that holds all of them. */
export const encodeControlBatch = (of: {
  baseOffset: number
  leaderEpoch: number
  timestampMs: number
  records: ControlRecord[]
}): Buffer =>
  encodeBatch({
    baseOffset: of.baseOffset,
    leaderEpoch: of.leaderEpoch,
    isControl: true,
    records: of.records.map((record) => ({
      ...encodeControlRecord(record),
      timestamp: of.timestampMs,
    })),
  })

/**
 * The control records of a record set, with their offsets; data batches are passed over.
 * @throws DecodeError, or KafkaError CORRUPT_MESSAGE or INVALID_RECORD
 */
export function* controlRecords(
  bytes: Buffer,
): Generator<{ offset: number; record: ControlRecord }> {
  for (const at of batches(bytes)) {
    if (!isControl(bytes, at)) continue
    for (const { offset, key, value } of records(bytes, at)) {
      const record = decodeControlRecord(key, value)
      if (record !== undefined) yield { offset, record }
    }
  }
}

const asVoter = ({ id, directoryId }: ReplicaKey) => ({
  voterId: id,
  voterDirectoryId: directoryId,
})

/**
 * In version 0, which is all that Kafka 4.3 writes and reads, whatever the kraft.version: ids without
 * directories.
 */
export function leaderChange(
  leaderId: number,
  voters: ReplicaKey[],
  granting: ReplicaKey[],
): ControlRecord {
  const named = (keys: ReplicaKey[]) =>
    keys.map(({ id }) => asVoter({ id, directoryId: unknownDirectory }))
  return {
    type: 'leaderChange',
    version: 0,
    leaderId,
    voters: named(voters),
    grantingVoters: named(granting),
  }
}

export const kraftVersionRecord = (level: number): ControlRecord => ({
  type: 'kRaftVersion',
  version: 0,
  kRaftVersion: level,
})

export const votersRecord = (voters: Voter[]): ControlRecord => ({
  type: 'kRaftVoters',
  version: 0,
  voters: voters.map(({ id, directoryId, endpoints, kraftVersion }) => ({
    ...asVoter({ id, directoryId }),
    endpoints,
    kRaftVersionFeature: {
      minSupportedVersion: kraftVersion.min,
      maxSupportedVersion: kraftVersion.max,
    },
  })),
})

export const votersOf = (record: ControlRecord & { type: 'kRaftVoters' }): Voter[] =>
  record.voters.map((voter) => ({
    id: voter.voterId,
    directoryId: voter.voterDirectoryId,
    endpoints: voter.endpoints,
    kraftVersion: {
      min: voter.kRaftVersionFeature.minSupportedVersion,
      max: voter.kRaftVersionFeature.maxSupportedVersion,
    },
  }))
