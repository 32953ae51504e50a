/**
 * The leader epochs of one log and where each began (P14; KIP-101, KIP-279).
 *
 * The table in memory is the truth; its file is written before a flush or a clean close counts, and
 * what it lacks after a crash is found again in the batches behind the recovery point.
 */
import { invariant } from '../../actors/invariant.ts'
import type { EpochEntry } from './checkpoints.ts'

export type LeaderEpochs = {
  entries: EpochEntry[]
  /** What the file holds is older. */
  changed: boolean
}

export const latestEpoch = ({ entries }: LeaderEpochs): number | undefined => entries.at(-1)?.epoch

/** Enters an epoch that is above all others; the one in force changes nothing. */
export function assignEpoch(epochs: LeaderEpochs, epoch: number, startOffset: number) {
  const last = epochs.entries.at(-1)
  if (last !== undefined) {
    invariant(epoch >= last.epoch, 'P14: epochs rise', { epoch, last })
    if (epoch === last.epoch) return
    invariant(startOffset >= last.startOffset, 'P14: starts rise', { epoch, startOffset, last })
  }
  // An epoch that wrote nothing leaves when the next begins where it did, as in Kafka.
  while ((epochs.entries.at(-1)?.startOffset ?? -1) >= startOffset) epochs.entries.pop()
  epochs.entries.push({ epoch, startOffset })
  epochs.changed = true
}

export function epochAt(epochs: LeaderEpochs, offset: number): number | undefined {
  return epochs.entries.findLast(({ startOffset }) => startOffset <= offset)?.epoch
}

/** One that is older than all had ended where the first of them began. */
export function endOffsetFor(epochs: LeaderEpochs, epoch: number, logEndOffset: number) {
  const { entries } = epochs
  const at = entries.findLastIndex((entry) => entry.epoch <= epoch)
  if (at < 0) return entries[0] && { epoch, endOffset: entries[0].startOffset }
  return { epoch: entries[at]!.epoch, endOffset: entries[at + 1]?.startOffset ?? logEndOffset }
}

/** Forgets epochs that began at or behind `endOffset`. */
export function truncateEpochsFromEnd(epochs: LeaderEpochs, endOffset: number) {
  const kept = epochs.entries.filter(({ startOffset }) => startOffset < endOffset)
  if (kept.length === epochs.entries.length) return
  epochs.entries = kept
  epochs.changed = true
}

/**
 * Forgets epochs that ended at or below `startOffset`. The one in force there keeps its own start, where
 * Kafka moves it: so a follower that ends just there in an earlier epoch is known to have parted.
 */
export function truncateEpochsFromStart(epochs: LeaderEpochs, startOffset: number) {
  const first = epochs.entries.findLastIndex((entry) => entry.startOffset <= startOffset)
  if (first <= 0) return
  epochs.entries = epochs.entries.slice(first)
  epochs.changed = true
}

export function clearEpochs(epochs: LeaderEpochs) {
  epochs.entries = []
  epochs.changed = true
}
