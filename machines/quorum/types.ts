/** What the quorum chart remembers and hears. */
import type { Answers, ReplicaKey } from './votes.ts'

/** ms, Kafka's `controller.quorum.*`; the last two follow from them. */
export type QuorumTiming = {
  electionTimeoutMs: number
  fetchTimeoutMs: number
  electionBackoffMaxMs: number
  /** A refused or unanswered pre-vote is asked for again: others notice a death a little later. */
  preVoteRetryMs: number
}

export type QuorumInput = {
  self: ReplicaKey
  /** The set in force: the newest in log or snapshot. */
  voters: ReplicaKey[]
  /** As quorum-state has it; leaderId -1 and voted null where there is none. */
  epoch: number
  leaderId: number
  voted: ReplicaKey | null
  timing: QuorumTiming
  /** Its disk lost what it had acknowledged: no vote and no candidacy until that is back (S2). */
  isSuspect: boolean
  /** The first wait after a start, where nobody is in contact with a leader that could be lost. */
  firstTimeoutMs: number
  seed: number
}

export type QuorumContext = Omit<QuorumInput, 'firstTimeoutMs'> & {
  /** Set once, spent by the first timer. */
  nextTimeoutMs: number | null
  /** Drawn at each entry of a state that waits, ms. */
  waitMs: number
  /** To this candidacy, or the asking before it. */
  answers: Answers
  /** Elections lost in a row. */
  retries: number
  /** This follower has had a sound answer from its leader: it is in contact. */
  fetched: boolean
}

export type QuorumEvent =
  | {
      type: 'Vote'
      candidate: ReplicaKey
      epoch: number
      preVote: boolean
      /** The candidate's log reaches at least as far as ours. */
      upToDate: boolean
    }
  | { type: 'VoteResponse'; from: ReplicaKey; epoch: number; preVote: boolean; granted: boolean }
  | { type: 'BeginQuorumEpoch'; leaderId: number; epoch: number }
  | {
      type: 'EndQuorumEpoch'
      leaderId: number
      epoch: number
      /** Our place among the preferred successors, -1: not named. */
      place: number
    }
  /** Any answer tells an epoch and, where it is known (not -1), its leader. */
  | { type: 'learned'; leaderId: number; epoch: number; fromId: number }
  /** The leader answered a fetch soundly. */
  | { type: 'fetched'; epoch: number }
  /** The probe's evidence that the leader's process is no more. */
  | { type: 'leaderGone'; leaderId: number; epoch: number }
  /** Leader: a majority has fetched since it was last said. */
  | { type: 'majorityFetched'; epoch: number }
  /** Leader: the start of its own epoch is on a majority, and applied. */
  | { type: 'epochCommitted'; epoch: number }
  | { type: 'resign'; epoch: number }
  /** What a suspect had lost is on its disk again. */
  | { type: 'refetched' }
  | { type: 'votersChanged'; voters: ReplicaKey[] }
