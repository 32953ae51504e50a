/**
 * Control records: what batches with the control bit hold, in data logs and in the quorum's log.
 */
import { record } from '../../protocol/record.ts'
import { array, int16, int32, millis, since, string, uint16, uuid } from '../../protocol/schema.ts'

/** Key of a control record, behind its version: the type. */
export const ControlRecordTypeSchema = record(
  { name: 'ControlRecordTypeSchema', versions: [0, 0] },
  { type: int16 },
)

/** Value of a transaction marker, behind its version: who wrote it. */
export const EndTxnMarker = record(
  { name: 'EndTxnMarker', versions: [0, 0] },
  { coordinatorEpoch: int32 },
)

const voter = { voterId: int32, voterDirectoryId: since(1, uuid) }

/** First record of each leader's epoch in the metadata log: who leads and who voted for it. */
export const LeaderChangeMessage = record(
  { name: 'LeaderChangeMessage', versions: [0, 1], flexible: 0 },
  {
    version: int16,
    leaderId: int32,
    voters: array(voter),
    grantingVoters: array(voter),
  },
)

/** First record of a snapshot. */
export const SnapshotHeaderRecord = record(
  { name: 'SnapshotHeaderRecord', versions: [0, 0], flexible: 0 },
  { version: int16, lastContainedLogTimestamp: millis },
)

/** Last record of a snapshot. */
export const SnapshotFooterRecord = record(
  { name: 'SnapshotFooterRecord', versions: [0, 0], flexible: 0 },
  { version: int16 },
)

/** The kraft.version in force. */
export const KRaftVersionRecord = record(
  { name: 'KRaftVersionRecord', versions: [0, 0], flexible: 0 },
  { version: int16, kRaftVersion: int16 },
)

/** The voters of the metadata quorum, with directory ids and endpoints (KIP-853). */
export const VotersRecord = record(
  { name: 'VotersRecord', versions: [0, 0], flexible: 0 },
  {
    version: int16,
    voters: array({
      voterId: int32,
      voterDirectoryId: uuid,
      endpoints: array({ name: string, host: string, port: uint16 }),
      kRaftVersionFeature: { minSupportedVersion: int16, maxSupportedVersion: int16 },
    }),
  },
)
