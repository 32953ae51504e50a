/**
 * Committed offsets of the groups of one partition of `__consumer_offsets`.
 *
 * Each has two values: the last one that was appended, which deletions and expiry must see, and the
 * last one that is committed, which is all that clients may read (G4). They differ only while a
 * write waits for the high watermark.
 */
import { ZERO_UUID } from '../../transport/protocol/schema.ts'
import { invariant } from '../invariant.ts'

export type CommittedOffset = {
  offset: number
  leaderEpoch: number // -1: unknown
  metadata: string
  commitTimestampMs: number
  expireTimestampMs: number | null // only OffsetCommit up to v4 asks for one
  topicId: string
}

type Cell = { appended: CommittedOffset | null; committed: CommittedOffset | null; waiting: number }
export type OffsetKey = { topic: string; partition: number }

export type Offsets = {
  /** An appended value, null for a tombstone. @returns what to call when it is committed */
  append(groupId: string, key: OffsetKey, value: CommittedOffset | null): () => void
  /** A committed value, while a log is replayed. */
  replay(groupId: string, key: OffsetKey, value: CommittedOffset | null): void
  committed(groupId: string, key: OffsetKey): CommittedOffset | null
  allCommitted(groupId: string): Iterable<[OffsetKey, CommittedOffset]>
  appended(groupId: string, key: OffsetKey): CommittedOffset | null
  allAppended(groupId: string): Iterable<[OffsetKey, CommittedOffset]>
  /** Groups that have any offset, appended or committed. */
  groups(): Iterable<string>
}

/** Offsets of a topic that was deleted and made anew are not those of the new one (G8). */
export const isOfTopic = (offset: { topicId: string }, topicId: string): boolean =>
  offset.topicId === topicId || offset.topicId === ZERO_UUID || topicId === ZERO_UUID

export function offsets(): Offsets {
  const byGroup = new Map<string, Map<string, Map<number, Cell>>>()

  const find = (groupId: string, { topic, partition }: OffsetKey) =>
    byGroup.get(groupId)?.get(topic)?.get(partition)

  function cellFor(groupId: string, { topic, partition }: OffsetKey): Cell {
    const topics = byGroup.get(groupId) ?? new Map<string, Map<number, Cell>>()
    byGroup.set(groupId, topics)
    const partitions = topics.get(topic) ?? new Map<number, Cell>()
    topics.set(topic, partitions)
    const cell = partitions.get(partition) ?? { appended: null, committed: null, waiting: 0 }
    partitions.set(partition, cell)
    return cell
  }

  function dropIfVoid(groupId: string, { topic, partition }: OffsetKey, cell: Cell) {
    if (cell.waiting > 0 || cell.appended !== null || cell.committed !== null) return
    const topics = byGroup.get(groupId)
    const partitions = topics?.get(topic)
    if (topics === undefined || partitions?.get(partition) !== cell) return
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) byGroup.delete(groupId)
  }

  function* all(groupId: string, side: 'appended' | 'committed') {
    for (const [topic, partitions] of byGroup.get(groupId) ?? []) {
      for (const [partition, cell] of partitions) {
        const value = cell[side]
        if (value !== null) yield [{ topic, partition }, value] as [OffsetKey, CommittedOffset]
      }
    }
  }

  return {
    append(groupId, key, value) {
      const cell = cellFor(groupId, key)
      cell.appended = value
      cell.waiting++
      return () => {
        invariant(cell.waiting > 0, 'an append is committed once', { groupId, ...key })
        cell.waiting--
        cell.committed = value
        dropIfVoid(groupId, key, cell)
      }
    },
    replay(groupId, key, value) {
      const cell = cellFor(groupId, key)
      cell.appended = value
      cell.committed = value
      dropIfVoid(groupId, key, cell)
    },
    committed: (groupId, key) => find(groupId, key)?.committed ?? null,
    allCommitted: (groupId) => all(groupId, 'committed'),
    appended: (groupId, key) => find(groupId, key)?.appended ?? null,
    allAppended: (groupId) => all(groupId, 'appended'),
    groups: () => byGroup.keys(),
  }
}
