/**
 * All partitions in columns: some 70 bytes a row, no object until somebody looks.
 *
 * Two chains of rows are threaded through the columns: those that share an ISR, and those that share
 * a leader. What a broker's death touches is found along them, without a look at the rest (M7).
 * A caller that changes rows while it walks a chain collects them first.
 */
import { invariant } from '../invariant.ts'
import type { PartitionState } from './image.ts'
import { createPool } from './pool.ts'

const none = -1

export type PartitionTable = {
  /** @returns the row, valid until it is removed */
  add(topicSlot: number, state: PartitionState): number
  remove(row: number): void
  write(row: number, state: PartitionState): void
  read(row: number): PartitionState
  topicSlot(row: number): number
  /** Rows whose ISR holds this broker. */
  withIsrMember(brokerId: number): Iterable<number>
  /** Rows led by this broker; -1: rows without a leader. */
  ledBy(brokerId: number): Iterable<number>
  leaderships(brokerId: number): number
  /** Rows whose leader is not their first replica; costs a walk over all rows. */
  notPreferred(): Iterable<number>
  /** Rows that add or remove replicas. */
  reassigning(): ReadonlySet<number>
  size(): number
}

/** Rows chained by a number that they share, with a count for each. */
type Chain = {
  link(row: number, by: number): void
  unlink(row: number, by: number): void
  rows(by: number): Iterable<number>
  count(by: number): number
  grow(capacity: number): void
}

function createChain(capacity: number): Chain {
  let next = new Int32Array(capacity).fill(none)
  let previous = new Int32Array(capacity).fill(none)
  const heads = new Map<number, { first: number; count: number }>()
  return {
    link(row, by) {
      const head = heads.get(by)
      next[row] = head?.first ?? none
      previous[row] = none
      if (head === undefined) heads.set(by, { first: row, count: 1 })
      else {
        previous[head.first] = row
        head.first = row
        head.count++
      }
    },
    unlink(row, by) {
      const head = heads.get(by)
      invariant(head !== undefined, 'a chained row has a chain', { row, by })
      const before = previous[row]!
      const behind = next[row]!
      if (before === none) head.first = behind
      else next[before] = behind
      if (behind !== none) previous[behind] = before
      if (--head.count === 0) heads.delete(by)
    },
    *rows(by) {
      for (let row = heads.get(by)?.first ?? none; row !== none; row = next[row]!) yield row
    },
    count: (by) => heads.get(by)?.count ?? 0,
    grow(capacity) {
      next = grown(next, capacity)
      previous = grown(previous, capacity)
    },
  }
}

function grown(column: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(capacity)
  wider.set(column)
  return wider
}

const columnNames = [
  'topicSlot',
  'partition',
  'leader',
  'leaderEpoch',
  'partitionEpoch',
  'leaderRecoveryState',
  'replicas',
  'directories',
  'isr',
  'removingReplicas',
  'addingReplicas',
  'elr',
  'lastKnownElr',
] as const

type Columns = Record<(typeof columnNames)[number], Int32Array<ArrayBuffer>>

const sharedLists = [
  'replicas',
  'isr',
  'removingReplicas',
  'addingReplicas',
  'elr',
  'lastKnownElr',
] as const

export function createPartitionTable(): PartitionTable {
  let capacity = 64
  const columns = Object.fromEntries(
    columnNames.map((name) => [name, new Int32Array(capacity)]),
  ) as Columns
  const brokerLists = createPool<number>()
  const directoryLists = createPool<string>()
  const byIsr = createChain(capacity)
  const byLeader = createChain(capacity)
  /** Broker → ids of the ISR lists that hold it. */
  const isrsOf = new Map<number, Set<number>>()
  const moving = new Set<number>()
  const free: number[] = []
  let used = 0

  function reserve(): number {
    const row = free.pop() ?? used++
    if (row < capacity) return row
    capacity *= 2
    for (const name of columnNames) columns[name] = grown(columns[name], capacity)
    byIsr.grow(capacity)
    byLeader.grow(capacity)
    return row
  }

  function put(row: number, state: PartitionState): void {
    columns.partition[row] = state.partition
    columns.leader[row] = state.leader
    columns.leaderEpoch[row] = state.leaderEpoch
    columns.partitionEpoch[row] = state.partitionEpoch
    columns.leaderRecoveryState[row] = state.leaderRecoveryState
    columns.directories[row] = directoryLists.take(state.directories)
    for (const name of sharedLists) columns[name][row] = brokerLists.take(state[name])
    chainIsr(row)
    byLeader.link(row, state.leader)
    if (state.addingReplicas.length + state.removingReplicas.length > 0) moving.add(row)
  }

  function clear(row: number): void {
    unchainIsr(row)
    byLeader.unlink(row, columns.leader[row]!)
    moving.delete(row)
    directoryLists.letGo(columns.directories[row]!)
    for (const name of sharedLists) brokerLists.letGo(columns[name][row]!)
  }

  function chainIsr(row: number): void {
    const list = columns.isr[row]!
    if (byIsr.count(list) === 0) {
      for (const brokerId of brokerLists.at(list)) {
        const lists = isrsOf.get(brokerId)
        if (lists === undefined) isrsOf.set(brokerId, new Set([list]))
        else lists.add(list)
      }
    }
    byIsr.link(row, list)
  }

  function unchainIsr(row: number): void {
    const list = columns.isr[row]!
    byIsr.unlink(row, list)
    if (byIsr.count(list) > 0) return
    for (const brokerId of brokerLists.at(list)) {
      const lists = isrsOf.get(brokerId)!
      lists.delete(list)
      if (lists.size === 0) isrsOf.delete(brokerId)
    }
  }

  return {
    add(topicSlot, state) {
      const row = reserve()
      columns.topicSlot[row] = topicSlot
      put(row, state)
      return row
    },
    remove(row) {
      clear(row)
      columns.topicSlot[row] = none
      free.push(row)
    },
    write(row, state) {
      clear(row)
      put(row, state)
    },
    read: (row) => ({
      partition: columns.partition[row]!,
      replicas: brokerLists.at(columns.replicas[row]!),
      directories: directoryLists.at(columns.directories[row]!),
      isr: brokerLists.at(columns.isr[row]!),
      removingReplicas: brokerLists.at(columns.removingReplicas[row]!),
      addingReplicas: brokerLists.at(columns.addingReplicas[row]!),
      leader: columns.leader[row]!,
      leaderEpoch: columns.leaderEpoch[row]!,
      partitionEpoch: columns.partitionEpoch[row]!,
      leaderRecoveryState: columns.leaderRecoveryState[row]!,
      elr: brokerLists.at(columns.elr[row]!),
      lastKnownElr: brokerLists.at(columns.lastKnownElr[row]!),
    }),
    topicSlot: (row) => columns.topicSlot[row]!,
    *withIsrMember(brokerId) {
      for (const list of isrsOf.get(brokerId) ?? []) yield* byIsr.rows(list)
    },
    ledBy: (brokerId) => byLeader.rows(brokerId),
    leaderships: (brokerId) => byLeader.count(brokerId),
    *notPreferred() {
      for (let row = 0; row < used; row++) {
        if (columns.topicSlot[row] === none) continue
        if (columns.leader[row] !== brokerLists.at(columns.replicas[row]!)[0]) yield row
      }
    },
    reassigning: () => moving,
    size: () => used - free.length,
  }
}
