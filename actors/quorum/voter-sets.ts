/**
 * The voter sets that log and snapshots hold. The newest is in force, committed or not; when the
 * log is truncated the one before it is again (R12, KIP-853).
 *
 * Without any, the static voters of the configuration are (kraft.version 0): ids without
 * directories, the same for ever.
 */
import { unknownDirectory } from '../../machines/quorum/votes.ts'
import type { ControlRecord } from '../../transport/records/control.ts'
import { invariant } from '../invariant.ts'
import { votersOf } from './control-records.ts'
import type { QuorumEndpoint, Voter } from './types.ts'

/** Where a set stands; -1: in the bootstrap snapshot. */
export type VoterSet = { offset: number; voters: Voter[] }
type Version = { offset: number; kraftVersion: number }

export type StaticVoter = { id: number; endpoints: QuorumEndpoint[] }

export type VoterSets = {
  inForce(): VoterSet
  kraftVersion(): number
  /** The set and kraft.version as of a snapshot that ends before `endOffset`. */
  before(endOffset: number): { voters: Voter[]; kraftVersion: number }
  /** What a control batch says; others than voters and versions are passed over. */
  note(offset: number, record: ControlRecord): void
  /** Forgets what stood at or above `endOffset`. */
  truncateTo(endOffset: number): void
  /** Begins anew from a snapshot: its records are noted next. */
  clear(): void
}

export function createVoterSets(statics: StaticVoter[]): VoterSets {
  const configured: VoterSet = {
    offset: -1,
    voters: statics.map(({ id, endpoints }) => ({
      id,
      directoryId: unknownDirectory,
      endpoints,
      kraftVersion: { min: 0, max: 0 },
    })),
  }
  let sets: VoterSet[] = []
  let versions: Version[] = []

  const last = <T>(of: T[]): T | undefined => of[of.length - 1]
  const below = <T extends { offset: number }>(of: T[], endOffset: number): T[] =>
    of.filter(({ offset }) => offset < endOffset)

  return {
    inForce: () => last(sets) ?? configured,
    kraftVersion: () => last(versions)?.kraftVersion ?? 0,
    before: (endOffset) => ({
      voters: (last(below(sets, endOffset)) ?? configured).voters,
      kraftVersion: last(below(versions, endOffset))?.kraftVersion ?? 0,
    }),
    note(offset, record) {
      if (record.type === 'kRaftVoters') {
        invariant(offset >= (last(sets)?.offset ?? -1), 'R12: voter sets are noted in log order')
        sets.push({ offset, voters: votersOf(record) })
      } else if (record.type === 'kRaftVersion') {
        versions.push({ offset, kraftVersion: record.kRaftVersion })
      }
    },
    truncateTo(endOffset) {
      sets = below(sets, endOffset)
      versions = below(versions, endOffset)
    },
    clear() {
      sets = []
      versions = []
    },
  }
}
