/**
 * What a leader knows of the others: how far each has fetched, and when. From that follow the high
 * watermark, whether a majority is still in contact, and who should lead next.
 *
 * Source: KIP-595. A fetch at an offset acknowledges that all below it is durable there (S4). Old
 * fetches may arrive late, so an end offset never goes back within an epoch.
 */
import { includes, isSame, keyOf, majorityOf } from '../../machines/quorum/votes.ts'
import type { ReplicaKey, Voter } from './types.ts'

export type FetchSeen = {
  replica: ReplicaKey
  incarnationId: string
  /** Where it fetched; undefined: it pulls a snapshot. */
  offset: number | undefined
  /** The offset lies on our log, so it has all below. */
  isValid: boolean
  leaderEndOffset: number
  /** Monotonic for contact, wall clock for DescribeQuorum; ms. */
  nowMs: number
  wallMs: number
}

export type ReplicaState = {
  replica: ReplicaKey
  incarnationId: string
  endOffset: number
  lastFetchMs: number
  lastFetchWallMs: number
  lastCaughtUpWallMs: number
  /** The leader's end at its last fetch: who has reached that was caught up then. */
  leaderEndAtFetch: number
}

export type Progress = {
  /** @returns false when the replica, restarted, has less than it acknowledged before */
  fetched(seen: FetchSeen): boolean
  /** Exclusive; below or at the epoch's start it does not count, so `undefined`. */
  committed(voters: Voter[], durableEndOffset: number): number | undefined
  /** True once for each majority of voters that has fetched since the last. */
  majorityFetched(voters: Voter[]): boolean
  lastFetchMs(replica: ReplicaKey): number | undefined
  /** Voters but ourselves, the one that has most first. */
  successors(voters: Voter[]): ReplicaKey[]
  states(): ReplicaState[]
  /** Observers that have not fetched for long are forgotten. */
  forgetIdle(voters: Voter[], before: number): void
}

export function createProgress(self: ReplicaKey, epochStartOffset: number): Progress {
  const states = new Map<string, ReplicaState>()
  /** Late fetches of a process that was replaced say nothing any more. */
  const retired = new Set<string>()
  let heard: ReplicaKey[] = [self]

  const stateOf = (replica: ReplicaKey): ReplicaState | undefined =>
    states.get(keyOf(replica)) ??
    [...states.values()].find((state) => isSame(state.replica, replica))

  return {
    fetched({ replica, incarnationId, offset, isValid, leaderEndOffset, nowMs, wallMs }) {
      if (retired.has(incarnationId)) return true
      const last = states.get(keyOf(replica))
      const isRestarted = last !== undefined && last.incarnationId !== incarnationId
      const isIntact = !isRestarted || offset === undefined || offset >= last.endOffset
      if (isRestarted) retired.add(last.incarnationId)
      // What a restarted replica does not have any more does not count any more.
      const before = isIntact ? last : undefined
      const acknowledged = isValid && offset !== undefined ? offset : 0
      const caughtUpNow = acknowledged >= leaderEndOffset
      const caughtUpThen = before !== undefined && acknowledged >= before.leaderEndAtFetch
      states.set(keyOf(replica), {
        replica,
        incarnationId,
        endOffset: Math.max(acknowledged, before?.endOffset ?? 0),
        lastFetchMs: nowMs,
        lastFetchWallMs: wallMs,
        lastCaughtUpWallMs: caughtUpNow
          ? wallMs
          : caughtUpThen
            ? Math.max(before.lastCaughtUpWallMs, before.lastFetchWallMs)
            : (before?.lastCaughtUpWallMs ?? -1),
        leaderEndAtFetch: leaderEndOffset,
      })
      if (!includes(heard, replica)) heard.push(replica)
      return isIntact
    },
    committed(voters, durableEndOffset) {
      if (voters.length === 0) return undefined
      const ends = voters
        .map((voter) => (isSame(voter, self) ? durableEndOffset : (stateOf(voter)?.endOffset ?? 0)))
        .sort((a, b) => b - a)
      const offset = ends[majorityOf(voters) - 1]!
      return offset > epochStartOffset ? offset : undefined
    },
    majorityFetched(voters) {
      const count = voters.filter((voter) => includes(heard, voter)).length
      // A leader that is no voter any more needs a majority of the others.
      if (count < majorityOf(voters)) return false
      heard = [self]
      return true
    },
    lastFetchMs: (replica) => stateOf(replica)?.lastFetchMs,
    successors: (voters) =>
      voters
        .filter((voter) => !isSame(voter, self))
        .map(({ id, directoryId }) => ({ id, directoryId }))
        .sort((a, b) => (stateOf(b)?.endOffset ?? 0) - (stateOf(a)?.endOffset ?? 0)),
    states: () => [...states.values()],
    forgetIdle(voters, before) {
      for (const [key, { replica, lastFetchMs }] of states) {
        if (lastFetchMs < before && !includes(voters, replica)) states.delete(key)
      }
    },
  }
}
