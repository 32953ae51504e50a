/**
 * The arithmetic of the high watermark: up to where every replica that counts holds the log.
 *
 * Source: Kafka's Partition (maybeIncrementLeaderHW), KIP-497 for the maximal ISR, KIP-966 for the
 *         standstill below min ISR.
 */
import { invariant } from '../invariant.ts'

/** What a leader knows of a replica's log; its own included. */
export type EndOffset = {
  /** Exclusive; -1 until it has fetched in this leader epoch. */
  logEndOffset: number
}

/**
 * The offset, exclusive, up to which consumers may read: all replicas that count hold what precedes.
 * Asked only while the committed ISR has min.insync.replicas members; below that it stands (KIP-966).
 *
 * @param leaderEnd the leader's own log end, exclusive
 * @param counted the others that count: the maximal ISR (KIP-497) and who is about to join it
 * @param current the high watermark so far, kept while one that counts has yet to fetch
 */
export function highWatermark(
  leaderEnd: number,
  counted: Iterable<EndOffset>,
  current: number,
): number {
  let next = leaderEnd
  for (const { logEndOffset } of counted) {
    if (logEndOffset < 0) return current
    if (logEndOffset < next) next = logEndOffset
  }
  invariant(next <= leaderEnd, 'P15: the high watermark is at most the log end', {
    next,
    leaderEnd,
  })
  return Math.max(next, current)
}

/** min.insync.replicas cannot ask for more replicas than the partition has. */
export const effectiveMinIsr = (minInSyncReplicas: number, replicas: number): number =>
  Math.min(minInSyncReplicas, replicas)
