/**
 * The image as its owner sees it: readable by all, changed by records alone.
 *
 * The active controller applies what it has appended before it is committed; a journal takes that
 * back when the leadership is lost first (M4).
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { invariant } from '../invariant.ts'
import { applyRecord } from './apply.ts'
import type { Changes } from './delta.ts'
import type { ConfigResource, MetadataImage, PartitionState } from './image.ts'
import { configKey, createState, type ImageState, lookalike, resourceOf } from './state.ts'

export type PartitionRef = { topicId: string; topicName: string; partition: PartitionState }

export type MutableImage = MetadataImage & {
  /** For snapshots and hashes. */
  readonly state: ImageState
  /** @throws ApplyError */
  apply(record: MetadataRecord, changes?: Changes): void
  /** What was applied last is of this offset. */
  advance(offset: number, epoch: number, timestampMs: number): void
  /** From here on changes can be taken back. */
  openJournal(): void
  /** Forgets how to take back what is at or below this offset. */
  commitJournal(offset: number): void
  /** What was applied since is the change that `advance` named; only `commitJournal` forgets it. */
  settle(): void
  /** Takes back what was applied since the last `settle`; the journal stays open. */
  rollback(): void
  /** Takes back all that is not committed, and closes the journal. */
  revertJournal(): void
  /** Takes anything else back together with the image. */
  onRevert(back: () => void): void
  /** Partitions whose ISR holds this broker, collected: the caller may change them. */
  partitionsWithIsrMember(brokerId: number): PartitionRef[]
  partitionsLedBy(brokerId: number): PartitionRef[]
  partitionsWithoutLeader(): PartitionRef[]
  partitionsNotPreferred(): Iterable<PartitionRef>
  partitionsInReassignment(): PartitionRef[]
  leaderships(brokerId: number): number
  partitionCount(): number
  /** Topics whose names metrics cannot tell from this one. */
  topicsLike(name: string): readonly string[]
}

const noConfigs: ReadonlyMap<string, string> = new Map()
const noNames: readonly string[] = []

export function createImage(): MutableImage {
  const state = createState()
  const journal = createJournal(state)
  const refOf = (row: number): PartitionRef => {
    const topic = state.slots[state.partitions.topicSlot(row)]
    invariant(topic !== undefined, 'M8: a partition belongs to a topic', { row })
    return { topicId: topic.id, topicName: topic.name, partition: state.partitions.read(row) }
  }
  const refs = (rows: Iterable<number>): PartitionRef[] => Array.from(rows, refOf)
  return {
    state,
    get offset() {
      return state.offset
    },
    get epoch() {
      return state.epoch
    },
    get timestampMs() {
      return state.timestampMs
    },
    features: () => state.features,
    brokers: () => state.brokers,
    controllers: () => state.controllers,
    topicByName: (name) => state.topicsByName.get(name),
    topicById: (id) => state.topicsById.get(id),
    topics: () => state.topicsById.values(),
    topicCount: () => state.topicsById.size,
    configs: (of: ConfigResource) => state.configs.get(configKey(of)) ?? noConfigs,
    *configResources() {
      for (const key of state.configs.keys()) yield resourceOf(key)
    },
    nextProducerId: () => state.nextProducerId,
    apply: (record, changes) => applyRecord(state, record, changes),
    advance(offset, epoch, timestampMs) {
      invariant(offset >= state.offset, 'R8: offsets are applied in order', {
        offset,
        applied: state.offset,
      })
      journal.advancing()
      state.offset = offset
      state.epoch = epoch
      state.timestampMs = timestampMs
    },
    openJournal: journal.open,
    commitJournal: journal.commit,
    settle: journal.settle,
    rollback: journal.rollback,
    revertJournal: journal.revert,
    onRevert: (back) => state.undo?.(back),
    partitionsWithIsrMember: (brokerId) => refs(state.partitions.withIsrMember(brokerId)),
    partitionsLedBy: (brokerId) => refs(state.partitions.ledBy(brokerId)),
    partitionsWithoutLeader: () => refs(state.partitions.ledBy(-1)),
    *partitionsNotPreferred() {
      for (const row of state.partitions.notPreferred()) yield refOf(row)
    },
    partitionsInReassignment: () => refs(state.partitions.reassigning()),
    leaderships: (brokerId) => state.partitions.leaderships(brokerId),
    partitionCount: () => state.partitions.size(),
    topicsLike(name) {
      const alike = lookalike(name)
      return (alike === undefined ? undefined : state.lookalikes.get(alike)) ?? noNames
    },
  }
}

/** How to take back each change, in the order of the changes, cut by the offsets they belong to. */
function createJournal(state: ImageState) {
  let entries: { offset: number; backs: (() => void)[] }[] = []
  let current: (() => void)[] = []
  return {
    open(): void {
      invariant(state.undo === undefined, 'a journal is opened once')
      state.undo = (back) => current.push(back)
    },
    advancing(): void {
      const { offset, epoch, timestampMs } = state
      state.undo?.(() => Object.assign(state, { offset, epoch, timestampMs }))
    },
    settle(): void {
      if (state.undo === undefined) return
      entries.push({ offset: state.offset, backs: current })
      current = []
    },
    commit(offset: number): void {
      const kept = entries.findIndex((entry) => entry.offset > offset)
      entries = kept < 0 ? [] : entries.slice(kept)
    },
    rollback(): void {
      const backs = current.reverse()
      current = []
      const { undo } = state
      state.undo = undefined
      for (const back of backs) back()
      state.undo = undo
    },
    revert(): void {
      state.undo = undefined
      const all = [...entries.flatMap(({ backs }) => backs), ...current]
      for (const back of all.reverse()) back()
      entries = []
      current = []
    },
  }
}
