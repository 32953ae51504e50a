/**
 * What the image holds, and the few ways to change it. Each change can be taken back: while a journal
 * is open it is told how, and a snapshot that is being written is told before a topic changes.
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { invariant } from '../invariant.ts'
import type {
  BrokerState,
  ConfigResource,
  ControllerState,
  PartitionState,
  TopicView,
} from './image.ts'
import { createPartitionTable, type PartitionTable } from './partition-table.ts'

/** A topic; it is its own view, so that looking one up makes nothing. */
export type TopicRow = TopicView & {
  readonly slot: number
  /** Partition index → row, -1 where there is none. */
  readonly rows: number[]
}

export type ImageState = {
  offset: number
  epoch: number
  timestampMs: number
  readonly features: Map<string, number>
  readonly brokers: Map<number, BrokerState>
  readonly controllers: Map<number, ControllerState>
  readonly topicsById: Map<string, TopicRow>
  readonly topicsByName: Map<string, TopicRow>
  /** Names that metrics cannot tell apart: '.' and '_' taken for the same. */
  readonly lookalikes: Map<string, readonly string[]>
  readonly slots: (TopicRow | undefined)[]
  readonly freeSlots: number[]
  readonly partitions: PartitionTable
  /** By `configKey`; a map is replaced, never changed. */
  readonly configs: Map<string, ReadonlyMap<string, string>>
  /** What nothing of ours reads yet, kept for the snapshots: quotas, ACLs, credentials, tokens. */
  readonly kept: Map<string, MetadataRecord>
  nextProducerId: number
  /** Told how to take back each change while it is open. */
  undo: ((back: () => void) => void) | undefined
  /** Told before the first change to a topic that existed when a snapshot began. */
  beforeChange: ((topic: TopicRow) => void) | undefined
}

export function createState(): ImageState {
  return {
    offset: -1,
    epoch: -1,
    timestampMs: -1,
    features: new Map(),
    brokers: new Map(),
    controllers: new Map(),
    topicsById: new Map(),
    topicsByName: new Map(),
    lookalikes: new Map(),
    slots: [],
    freeSlots: [],
    partitions: createPartitionTable(),
    configs: new Map(),
    kept: new Map(),
    nextProducerId: 0,
    undo: undefined,
    beforeChange: undefined,
  }
}

export const configKey = ({ type, name }: ConfigResource): string => `${type}/${name}`

export function resourceOf(key: string): ConfigResource {
  const slash = key.indexOf('/')
  return { type: key.slice(0, slash) as ConfigResource['type'], name: key.slice(slash + 1) }
}

/** Sets an entry, or with undefined removes it. */
export function setEntry<K, V>(
  state: ImageState,
  map: Map<K, V>,
  key: K,
  value: V | undefined,
): void {
  const before = map.get(key)
  if (value === undefined) map.delete(key)
  else map.set(key, value)
  state.undo?.(() => {
    if (before === undefined) map.delete(key)
    else map.set(key, before)
  })
}

export function setNextProducerId(state: ImageState, next: number): void {
  const before = state.nextProducerId
  state.nextProducerId = next
  state.undo?.(() => {
    state.nextProducerId = before
  })
}

export function addTopic(state: ImageState, name: string, id: string): void {
  const slot = state.freeSlots.pop() ?? state.slots.length
  const topic = topicRow(state.partitions, name, id, slot)
  insertTopic(state, topic)
  state.undo?.(() => deleteTopic(state, topic))
}

export function removeTopic(state: ImageState, topic: TopicRow): void {
  state.beforeChange?.(topic)
  const { partitions } = state
  const held = topic.rows.filter((row) => row >= 0).map((row) => partitions.read(row))
  for (const row of topic.rows) if (row >= 0) partitions.remove(row)
  topic.rows.length = 0
  deleteTopic(state, topic)
  state.undo?.(() => {
    // Changes are taken back last first, so the list of free slots is as the deletion left it.
    invariant(state.freeSlots.pop() === topic.slot, 'a topic comes back into its slot')
    insertTopic(state, topic)
    for (const partition of held) insertPartition(state, topic, partition)
  })
}

export function addPartition(state: ImageState, topic: TopicRow, partition: PartitionState): void {
  state.beforeChange?.(topic)
  insertPartition(state, topic, partition)
  state.undo?.(() => {
    state.partitions.remove(topic.rows[partition.partition]!)
    topic.rows[partition.partition] = -1
    while (topic.rows.at(-1) === -1) topic.rows.pop()
  })
}

export function writePartition(state: ImageState, topic: TopicRow, next: PartitionState): void {
  state.beforeChange?.(topic)
  const row = topic.rows[next.partition]!
  const before = state.undo === undefined ? undefined : state.partitions.read(row)
  state.partitions.write(row, next)
  if (before !== undefined) {
    // Rows are given anew when a deletion is taken back: the topic knows the one of then.
    state.undo?.(() => state.partitions.write(topic.rows[before.partition]!, before))
  }
}

function insertPartition(state: ImageState, topic: TopicRow, partition: PartitionState): void {
  const { rows } = topic
  while (rows.length < partition.partition) rows.push(-1)
  rows[partition.partition] = state.partitions.add(topic.slot, partition)
}

function insertTopic(state: ImageState, topic: TopicRow): void {
  invariant(state.slots[topic.slot] === undefined, 'a topic takes a free slot')
  state.slots[topic.slot] = topic
  state.topicsById.set(topic.id, topic)
  state.topicsByName.set(topic.name, topic)
  const alike = lookalike(topic.name)
  if (alike === undefined) return
  state.lookalikes.set(alike, [...(state.lookalikes.get(alike) ?? []), topic.name])
}

function deleteTopic(state: ImageState, topic: TopicRow): void {
  state.slots[topic.slot] = undefined
  state.freeSlots.push(topic.slot)
  state.topicsById.delete(topic.id)
  state.topicsByName.delete(topic.name)
  const alike = lookalike(topic.name)
  if (alike === undefined) return
  const others = (state.lookalikes.get(alike) ?? []).filter((name) => name !== topic.name)
  if (others.length === 0) state.lookalikes.delete(alike)
  else state.lookalikes.set(alike, others)
}

/** What Kafka's metric names make of a topic name; undefined when nothing else can look like it. */
export const lookalike = (name: string): string | undefined =>
  /[._]/.test(name) ? name.replaceAll('.', '_') : undefined

type Own = TopicRow & { readonly partitions: PartitionTable }

/** Functions are shared by all topics: a topic is one object with five fields of its own. */
function topicRow(partitions: PartitionTable, name: string, id: string, slot: number): Own {
  return { name, id, slot, rows: [], partitions, partitionCount, partition }
}

function partitionCount(this: Own): number {
  return this.rows.length
}

function partition(this: Own, index: number): PartitionState | undefined {
  const row = this.rows[index] ?? -1
  return row < 0 ? undefined : this.partitions.read(row)
}
