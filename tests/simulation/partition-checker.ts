/**
 * The rules of partitions and of what clients see: P1 to P7, P9, P12, P17, O5 to O7, O9 to O11. A
 * partition is known by the id of its topic: what was deleted has nothing in common with its heir.
 * What was acknowledged is known from the clients, what is stored from the disks.
 */
import type { MetadataImage } from '../../actors/metadata/image.ts'
import { type Cleanup, checkLastValues } from './cleanup.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import type { Consumed } from './consumer.ts'
import { type Entry, entryIn, type Logs, type LogView, type PartitionOf } from './logs.ts'
import { must } from './violation.ts'

export type Send = {
  producer: string
  /** Counts the sends of all. */
  order: number
  topicId: string
  topic: string
  partition: number
  values: string[]
}

type Acked = { base: number; count: number; values: string[] }

type Known = {
  topicId: string
  topic: string
  partition: number
  acked: Acked[]
  /** How many of `acked` were found on the ISR as it was then. */
  checked: number
  isr: string
  /** Whole segments went below this one, on some disk. */
  start: number
  /** All below this one may go: somebody asked for it. */
  deletable: number
  served: { value: string; crc: number }[]
}

export type PartitionChecker = {
  acked(send: Send, base: number): void
  unknown(send: Send): void
  consumed(record: Consumed): void
  saw(of: PartitionOf, leaderEpoch: number, highWatermark: number): void
  /** Batches were cut from a log. */
  truncated(view: LogView, gone: Entry[]): void
  /** Its first segments went. */
  dropped(view: LogView, gone: Entry[]): void
  /** Somebody asks that all below an offset goes. */
  deleting(of: PartitionOf, before: number): void
  /** A reader was told that what it asks for is not there any more, and goes on from here. */
  reset(of: PartitionOf, to: number): void
  /** A disk lost what was not durable. */
  lost(): void
  /** After each step. */
  step(): void
  sometimes(): void
  /** Once all is healed and read. */
  end(): void
  ackedRecords(): number
  unknownRecords(): number
  consumedRecords(): number
  isrChanges(): number
  /** Where the end of what is acknowledged lies, of the partitions that are there. */
  ackedEnds(): (PartitionOf & { end: number })[]
}

const keyOf = ({ topicId, partition }: PartitionOf) => `${topicId}-${partition}`
const nameOf = ({ topic, partition }: PartitionOf) => `${topic}-${partition}`

export function checkPartitions(
  cluster: SimCluster,
  logs: Logs,
  cleanupOf: (topic: string) => Cleanup,
): PartitionChecker {
  const partitions = new Map<string, Known>()
  const valueAt = new Map<string, string>()
  /** Producer and partition → its acknowledged sends, in the order of sending. */
  const lanes = new Map<string, { order: number; base: number }[]>()
  const highWatermarks = new Map<string, number>()
  const leaders = new Map<string, number>()
  const seen = new Map<number, number>()
  /** Where its one reader is. */
  const positions = new Map<Known, number>()
  let ackedRecords = 0
  let unknownRecords = 0
  let consumedRecords = 0
  let isrChanges = 0
  let fresh = false
  let mayBeLost = false

  function known({ topicId, topic, partition }: PartitionOf): Known {
    const key = keyOf({ topicId, topic, partition })
    const found = partitions.get(key)
    if (found !== undefined) return found
    const made: Known = {
      topicId,
      topic,
      partition,
      acked: [],
      checked: 0,
      isr: '',
      start: 0,
      deletable: 0,
      served: [],
    }
    partitions.set(key, made)
    return made
  }

  const entryOf = (nodeId: number, of: Known, base: number): Entry | undefined => {
    const view = logs.viewOf(nodeId, of)
    return view && entryIn(view, base)
  }

  const stateOf = ({ topicId, partition }: PartitionOf) =>
    cluster.newestImage()?.topicById(topicId)?.partition(partition)

  /** What was acknowledged below it may be gone. */
  const startOf = ({ start, deletable }: Known) => Math.max(start, deletable)

  const isCompacted = ({ topic }: Known) => cleanupOf(topic) === 'compacts'

  /** Runs, and has not lost what it had: a power cut makes suspect until the disk registered anew. */
  const counts = (node: SimNode, image: MetadataImage): boolean => {
    if (node.parts === undefined) return false
    const registered = image.brokers().get(node.id)
    if (registered?.incarnationId === node.parts.endpoint.incarnationId) node.isSuspect = false
    return !node.isSuspect
  }

  function checkReplicas(image: MetadataImage): void {
    for (const of of partitions.values()) {
      const state = image.topicById(of.topicId)?.partition(of.partition)
      if (state === undefined) continue
      const now = `${state.isr.join()} ${state.leader} ${state.leaderEpoch}`
      if (now !== of.isr) {
        of.isr = now
        of.checked = 0
        isrChanges++
      }
      if (of.checked === of.acked.length || isCompacted(of)) continue
      // The last of an ISR stays in it though it may have lost all: it is judged once it leads.
      if (state.leader < 0 && state.isr.length === 1) continue
      const start = startOf(of)
      for (const id of state.isr) {
        const node = cluster.node(id)
        if (!counts(node, image)) continue
        for (let at = of.checked; at < of.acked.length; at++) {
          const { base, count } = of.acked[at]!
          if (base < start) continue
          const entry = entryOf(id, of, base)
          must(
            entry !== undefined && entry.last === base + count - 1,
            id === state.leader ? 'P2' : 'P1',
            'each of the ISR holds what was acknowledged',
            () => ({ node: id, partition: nameOf(of), base, count, state, entry }),
          )
        }
      }
      of.checked = of.acked.length
    }
  }

  /** What was acknowledged is on some disk, as long as not too many lost theirs. */
  function checkHeld(): void {
    mayBeLost = false
    for (const of of partitions.values()) {
      if (stateOf(of) === undefined || isCompacted(of)) continue
      const start = startOf(of)
      for (const { base, count } of of.acked) {
        if (base < start) continue
        const isHeld = cluster.nodes.some(
          ({ id }) => entryOf(id, of, base)?.last === base + count - 1,
        )
        must(isHeld, 'P3', 'what was acknowledged is on some disk', () => ({
          partition: nameOf(of),
          base,
          count,
        }))
      }
    }
  }

  function checkImages(): void {
    for (const { parts, id: at } of cluster.nodes) {
      const image = parts?.loader.image()
      if (image === undefined || seen.get(at) === image.offset) continue
      seen.set(at, image.offset)
      for (const topic of image.topics()) {
        for (let index = 0; index < topic.partitionCount(); index++) {
          const state = topic.partition(index)
          if (state === undefined) continue
          const { leader, leaderEpoch, isr, replicas } = state
          const key = `${topic.id}/${index}@${leaderEpoch}`
          const who = leaders.get(key) ?? leader
          must(who === leader || leader < 0, 'P12', 'a leader epoch has one leader', () => ({
            key,
            who,
            state,
          }))
          if (leader >= 0) leaders.set(key, leader)
          must(leader < 0 || isr.includes(leader), 'P9', 'the leader is in the ISR', () => ({
            key,
            state,
          }))
          must(
            isr.every((id) => replicas.includes(id)) && isr.length > 0,
            'P9',
            'the ISR is made of replicas',
            () => ({ key, state }),
          )
        }
      }
    }
  }

  return {
    acked(send, base) {
      const { producer, order, values } = send
      const of = known(send)
      of.acked.push({ base, count: values.length, values })
      ackedRecords += values.length
      fresh = true
      checkOrder(`${producer} ${keyOf(send)}`, { order, base })
      for (const [index, value] of values.entries()) note(of, base + index, value)
    },
    unknown({ values }) {
      unknownRecords += values.length
    },
    consumed({ offset, value, crc, highWatermark, from, ...read }) {
      const of = known(read)
      consumedRecords++
      must(offset < highWatermark, 'P7', 'nobody reads above the high watermark', () => ({
        partition: nameOf(of),
        offset,
        highWatermark,
      }))
      const before = of.served[offset]
      const last = positions.get(of) ?? -1
      const isSamePoll = last >= from
      const [rule, prefix] = isSamePoll ? ['O8', 'int-'] : ['O9', '']
      const told = () => ({ partition: nameOf(of), from, last, offset })
      must(offset > last, rule, `${prefix}nonmonotonic-poll: a poll steps back`, told)
      const isNext = offset === last + 1 || isCompacted(of)
      must(isNext, rule, `${prefix}poll-skip: a poll leaves records out`, told)
      positions.set(of, offset)
      const isSame =
        before === undefined || (before.value === value && (before.crc === crc || isCompacted(of)))
      must(isSame, 'P6', 'what was served at an offset never changes', () => ({
        partition: nameOf(of),
        offset,
        before,
        value,
      }))
      of.served[offset] = { value, crc }
      note(of, offset, value)
    },
    saw(of, leaderEpoch, highWatermark) {
      const key = `${keyOf(of)}@${leaderEpoch}`
      const before = highWatermarks.get(key) ?? -1
      must(
        highWatermark >= before,
        'P5',
        'a high watermark never goes back within its leader epoch',
        () => ({ key, before, highWatermark }),
      )
      highWatermarks.set(key, highWatermark)
    },
    truncated({ key }, gone) {
      const of = partitions.get(key)
      if (of === undefined) return
      const from = gone[0]!.base
      if (of.acked.every(({ base, count }) => base + count <= from)) return
      of.checked = 0
      fresh = true
      mayBeLost = true
    },
    dropped({ nodeId, topicId, name }, gone) {
      if (topicId === undefined) return
      const at = name.lastIndexOf('-')
      const of = known({ topicId, topic: name.slice(0, at), partition: Number(name.slice(at + 1)) })
      const last = gone.at(-1)!.last
      must(
        cleanupOf(of.topic) === 'deletes' || last < of.deletable,
        'P6',
        'what stands in a log goes only as old, or because somebody asked for it',
        () => ({ node: nodeId, log: name, gone: gone.at(-1), deletable: of.deletable }),
      )
      of.start = Math.max(of.start, last + 1)
    },
    deleting(of, before) {
      const found = known(of)
      found.deletable = Math.max(found.deletable, before)
    },
    reset(of, to) {
      const found = known(of)
      must(
        to <= startOf(found),
        'P6',
        'what is gone went as old, or because somebody asked for it',
        () => ({ partition: nameOf(of), to, start: found.start, deletable: found.deletable }),
      )
      positions.set(found, to - 1)
    },
    lost() {
      mayBeLost = true
    },
    step() {
      const image = cluster.newestImage()
      if (mayBeLost) checkHeld()
      if (!fresh) return
      fresh = false
      if (image !== undefined) checkReplicas(image)
    },
    sometimes() {
      checkImages()
      const image = cluster.newestImage()
      if (image === undefined) return
      for (const node of cluster.nodes) counts(node, image)
      checkReplicas(image)
    },
    end() {
      for (const of of partitions.values()) {
        const state = stateOf(of)
        if (state === undefined) continue
        if (isCompacted(of)) {
          for (const id of state.replicas)
            checkLastValues(cluster.node(id), logs.viewOf(id, of), of)
          continue
        }
        const start = startOf(of)
        for (const { base, values } of of.acked) {
          for (const [index, value] of values.entries()) {
            if (base + index < start) continue
            must(
              of.served[base + index]?.value === value,
              base + index < of.served.length ? 'O5' : 'O11',
              'what was acknowledged is read',
              () => ({
                partition: nameOf(of),
                offset: base + index,
                value,
                served: of.served[base + index],
              }),
            )
          }
        }
        checkEqual(of)
      }
    },
    ackedRecords: () => ackedRecords,
    unknownRecords: () => unknownRecords,
    consumedRecords: () => consumedRecords,
    isrChanges: () => isrChanges,
    ackedEnds: () =>
      [...partitions.values()]
        .filter((of) => stateOf(of) !== undefined)
        .map(({ topicId, topic, partition, acked }) => ({
          topicId,
          topic,
          partition,
          end: acked.reduce((end, { base, count }) => Math.max(end, base + count), 0),
        })),
  }

  /** Answers may come in another order than their requests. */
  function checkOrder(name: string, send: { order: number; base: number }): void {
    const lane = lanes.get(name) ?? []
    lanes.set(name, lane)
    let at = lane.length
    while (at > 0 && lane[at - 1]!.order > send.order) at--
    const [before, behind] = [lane[at - 1], lane[at]]
    const isBetween =
      (before === undefined || before.base < send.base) &&
      (behind === undefined || behind.base > send.base)
    must(isBetween, 'O10', 'later sends of a producer get higher offsets', () => ({
      name,
      before,
      send,
      behind,
    }))
    lane.splice(at, 0, send)
  }

  function note(of: Known, offset: number, value: string): void {
    const where = `${keyOf(of)}@${offset}`
    const known = valueAt.get(value) ?? where
    must(
      known === where || known.startsWith(of.topicId),
      'P17',
      'what was written under one topic id shows up under no other',
      () => ({ value, known, where }),
    )
    // A replica that began behind what was deleted does not know who wrote that: once it leads it takes a
    // retry for new, as Kafka's does.
    const isDeleted = Number(known.slice(known.lastIndexOf('@') + 1)) < startOf(of)
    must(known === where || isDeleted, 'O6', 'a value has one offset', () => ({
      value,
      known,
      where,
    }))
    valueAt.set(value, where)
    const other = valueAt.get(`at ${where}`) ?? value
    must(other === value, 'O7', 'an offset has one value', () => ({ where, value, other }))
    valueAt.set(`at ${where}`, value)
  }

  /** At rest all replicas hold the same. */
  function checkEqual(of: Known): void {
    const state = stateOf(of)
    if (state === undefined) return
    const told = ({ base, last, epoch, crc }: Entry) => `${base}-${last}@${epoch}/${crc}`
    const views = state.replicas.map((id) => ({ id, view: logs.viewOf(id, of) }))
    // Each deletes what is old by itself.
    const start = Math.max(...views.map(({ view }) => view?.entries[0]?.base ?? view?.end ?? 0))
    const [first, ...others] = views.map(({ id, view }) => ({
      id,
      entries: (view?.entries ?? []).filter(({ base }) => base >= start).map(told),
    }))
    for (const { id, entries } of others) {
      const at = entries.findIndex((entry, index) => entry !== first!.entries[index])
      const isEqual = at < 0 && entries.length === first!.entries.length
      must(isEqual, 'L4', 'idle replicas are equal', () => ({
        partition: nameOf(of),
        nodes: [first!.id, id],
        lengths: [first!.entries.length, entries.length],
        first: first!.entries[at],
        other: entries[at],
      }))
    }
  }
}
