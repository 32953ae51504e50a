/**
 * Who is in sync: what a fetch tells the leader of a follower, who may join the ISR and who must
 * leave it.
 *
 * Source: Kafka's Replica and Partition; KIP-497, KIP-841 (no fenced or stopping members), KIP-903
 *         (the fetch's broker epoch is the registered one).
 */
import type { BrokerState } from '../metadata/image.ts'

/** A follower as its leader sees it, in this leader epoch. Times are monotonic ms. */
export type Follower = {
  readonly id: number
  /** Exclusive; -1 until it has fetched in this leader epoch. */
  logEndOffset: number
  logStartOffset: number
  /** -1 when its fetches tell none. */
  brokerEpoch: number
  lastFetchMs: number
  lastFetchLeaderEnd: number
  /** When it last held all that the leader held at that time. */
  lastCaughtUpMs: number
  /** Its fetch session: a fetch that does not name this partition still says "nothing new". */
  session: { lastFetchMs: number } | undefined
}

/** A member of the ISR gets the whole lag time to fetch from a new leader; others must prove themselves. */
export const newFollower = (id: number, inIsr: boolean, nowMs: number): Follower => ({
  id,
  logEndOffset: -1,
  logStartOffset: -1,
  brokerEpoch: -1,
  lastFetchMs: -1,
  lastFetchLeaderEnd: -1,
  lastCaughtUpMs: inIsr ? nowMs : Number.NEGATIVE_INFINITY,
  session: undefined,
})

/** Takes in a fetch at `offset` whose position lies on the leader's log. */
export function noteFetch(
  follower: Follower,
  fetch: { offset: number; logStartOffset: number; brokerEpoch: number },
  leaderEnd: number,
  nowMs: number,
): void {
  if (fetch.offset >= leaderEnd) follower.lastCaughtUpMs = nowMs
  else if (fetch.offset >= follower.lastFetchLeaderEnd && follower.lastFetchMs >= 0) {
    follower.lastCaughtUpMs = Math.max(follower.lastCaughtUpMs, follower.lastFetchMs)
  }
  follower.logEndOffset = fetch.offset
  follower.logStartOffset = fetch.logStartOffset
  follower.brokerEpoch = fetch.brokerEpoch
  follower.lastFetchMs = nowMs
  follower.lastFetchLeaderEnd = leaderEnd
}

/** Before the log grows: who was at its end then was caught up as of its session's last fetch. */
export function noteAppend(follower: Follower, endBefore: number): void {
  if (follower.logEndOffset !== endBefore || follower.session === undefined) return
  follower.lastCaughtUpMs = Math.max(follower.lastCaughtUpMs, follower.session.lastFetchMs)
  follower.lastFetchMs = Math.max(follower.lastFetchMs, follower.session.lastFetchMs)
}

export const isCaughtUp = (
  { logEndOffset, lastCaughtUpMs }: Follower,
  leaderEnd: number,
  nowMs: number,
  lagMsMax: number,
): boolean => logEndOffset === leaderEnd || nowMs - lastCaughtUpMs <= lagMsMax

/** Not fenced, not stopping, and its fetches are of the registered incarnation. */
export const isEligible = (follower: Follower, broker: BrokerState | undefined): boolean =>
  broker !== undefined &&
  !broker.fenced &&
  !broker.inControlledShutdown &&
  follower.logEndOffset >= 0 &&
  (follower.brokerEpoch === -1 || follower.brokerEpoch === broker.epoch)

export type IsrView = {
  followers: readonly Follower[]
  isr: readonly number[]
  leaderEnd: number
  epochStart: number
  highWatermark: number
}

type Brokers = ReadonlyMap<number, BrokerState>

/** Eligible replicas that reached both the high watermark and the start of this leader epoch (P10). */
export const joiners = (view: IsrView, brokers: Brokers): Follower[] =>
  view.followers.filter(
    (follower) =>
      !view.isr.includes(follower.id) &&
      follower.logEndOffset >= view.highWatermark &&
      follower.logEndOffset >= view.epochStart &&
      isEligible(follower, brokers.get(follower.id)),
  )

/** Members that have not held the whole log for longer than replica.lag.time.max.ms. */
export const laggards = (view: IsrView, nowMs: number, lagMsMax: number): number[] =>
  view.followers
    .filter(
      (follower) =>
        view.isr.includes(follower.id) && !isCaughtUp(follower, view.leaderEnd, nowMs, lagMsMax),
    )
    .map(({ id }) => id)
