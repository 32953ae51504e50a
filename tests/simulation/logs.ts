/**
 * What stands in the logs on all disks, read from the disks' own bytes: the checker's record, which
 * asks no node. After each step what was written is read again, and who listens hears what changed.
 */
import type { Partition } from '../../actors/replica/partition.ts'
import { LOG_STARTS } from '../../runtime/storage/checkpoints.ts'
import { PARTITION_METADATA } from '../../runtime/storage/partition-metadata.ts'
import {
  BATCH_HEADER_BYTES,
  baseOffset,
  baseSequence,
  batchSize,
  crc,
  lastOffset,
  layout,
  partitionLeaderEpoch,
  producerEpoch,
  producerId,
} from '../../transport/records/batch.ts'
import { crc32c } from '../../transport/records/crc32c.ts'
import type { SimNode } from './cluster.ts'
import type { SimDisk } from './disk.ts'

export type Entry = {
  base: number
  last: number
  epoch: number
  crc: number
  file: string
  position: number
  size: number
  /** -1: of no idempotent producer. */
  producerId: number
  producerEpoch: number
  sequence: number
}

export type LogView = {
  nodeId: number
  /** `topic-partition`. */
  name: string
  /** As its `partition.metadata` says; undefined: there is none, as with the quorum's log. */
  topicId: string | undefined
  folder: string
  /** Whose log it is: topic id and partition, or the name of one without. */
  key: string
  /** In order, over all segments. */
  entries: Entry[]
  /** So many of the first of them are as they were when whoever keeps count of them last set this. */
  intact: number
  /** Behind the last of them, also when all of them went. */
  end: number
}

export type PartitionOf = { topicId: string; topic: string; partition: number }

export type LogEvents = {
  appended(view: LogView, entry: Entry, before: Entry | undefined): void
  truncated(view: LogView, gone: Entry[]): void
  /** Whole segments went, and what is left begins behind them; or a cleaned one takes their place. */
  dropped(view: LogView, gone: Entry[]): void
  /** It is empty, and goes on elsewhere than where it ended. */
  restarted(view: LogView): void
  /** A whole batch whose bytes are not what its CRC says. */
  damaged(view: LogView, file: string, position: number): void
}

/** Of several copies of a log on one node, the one that counts: others lie in directories that failed. */
export type Choose = (copies: readonly LogView[]) => LogView | undefined

export type Logs = {
  watch(nodeId: number, disk: SimDisk): void
  /** Reads what was written since; cheap when nothing was. */
  refresh(): void
  /** After a power cut or a new disk: nothing is known any more. */
  forget(nodeId: number): void
  view(nodeId: number, name: string): LogView | undefined
  views(): Iterable<LogView>
  /** What this folder holds. */
  viewIn(nodeId: number, folder: string): LogView | undefined
  /** The one that belongs to this topic id; undefined: what has that name belongs to another. */
  viewOf(nodeId: number, of: PartitionOf): LogView | undefined
  entryAt(nodeId: number, name: string, base: number): Entry | undefined
  /** Whether a power cut now would leave that batch for certain. */
  isDurable(nodeId: number, entry: Entry): boolean
}

const isLog = (path: string) => path.endsWith('.log')
/** Of a topic that is gone, or of another id than is in force. */
const isAside = (path: string) => /-(delete|stray)\/[^/]*$/.test(path)
export const topicOf = (name: string) => name.slice(0, name.lastIndexOf('-'))
const folderOf = (path: string) => path.slice(0, path.lastIndexOf('/'))
const nameOf = (path: string) => {
  const folder = folderOf(path)
  return folder.slice(folder.lastIndexOf('/') + 1)
}

export function createLogs(
  events: LogEvents,
  choose: Choose = ([first]) => first,
  mayHaveGaps: (view: LogView) => boolean = () => false,
): Logs {
  const disks = new Map<number, SimDisk>()
  /** By node and folder. */
  const views = new Map<string, LogView>()
  /** By node and name: mostly one, but each of a node's log directories may hold it. */
  const copies = new Map<string, LogView[]>()
  /** Node → path → position from which it is to be read again. */
  const dirty = new Map<number, Map<string, number>>()
  /** Views that are read for the first time since they were forgotten: they may end torn. */
  const fresh = new Set<LogView>()
  /** Of those, the ones of which no more is read: what follows goes when its node finds the damage. */
  const spoiled = new Set<LogView>()
  /** What was in segments that went since the last look. */
  const gone = new Map<LogView, Entry[]>()
  /** Segments that came by another name: what is in them was there before. */
  const renamed = new Set<string>()
  let isDirty = false

  const follows = (view: LogView, { last }: Entry, { base }: Entry) =>
    mayHaveGaps(view) ? base > last : base === last + 1

  const keyOf = (nodeId: number, path: string) => `${nodeId}|${path}`

  function forgetView(view: LogView): void {
    const { nodeId, name, folder } = view
    views.delete(keyOf(nodeId, folder))
    const left = copiesOf(nodeId, name).filter((each) => each !== view)
    if (left.length > 0) copies.set(keyOf(nodeId, name), left)
    else copies.delete(keyOf(nodeId, name))
  }

  const copiesOf = (nodeId: number, name: string) => copies.get(keyOf(nodeId, name)) ?? []

  const only = (among: readonly LogView[]): LogView | undefined =>
    among.length > 1 ? choose(among) : among[0]

  function soil(nodeId: number, path: string, position: number): void {
    if (!isLog(path)) return
    const of = dirty.get(nodeId)!
    of.set(path, Math.min(of.get(path) ?? position, position))
    isDirty = true
  }

  function drop(nodeId: number, path: string): void {
    if (isLog(path)) {
      takeOut(viewAt(nodeId, path), path)
      dirty.get(nodeId)!.delete(path)
      return
    }
    const view = views.get(keyOf(nodeId, path))
    if (view !== undefined) forgetView(view)
    for (const each of [...dirty.get(nodeId)!.keys()]) {
      if (each.startsWith(`${path}/`)) dirty.get(nodeId)!.delete(each)
    }
  }

  function takeOut(view: LogView, path: string): void {
    const out = view.entries.filter(({ file }) => file === path)
    view.entries = view.entries.filter(({ file }) => file !== path)
    view.intact = 0
    gone.set(view, [...(gone.get(view) ?? []), ...out])
    isDirty = true
  }

  /** What is left tells where segments are missing: at the begin or at the end. */
  function settle(view: LogView, out: Entry[]): void {
    const { nodeId, folder, entries } = view
    if (views.get(keyOf(nodeId, folder)) !== view) return
    const bases = basesIn(disks.get(nodeId)!, view.folder)
    const first = bases[0] ?? 0
    const before = view.end
    view.end = endOf(entries) ?? bases.at(-1) ?? before
    if (entries.length === 0 && view.end !== before) events.restarted(view)
    const front = out.filter(({ last }) => last < first)
    const back = out.filter(({ last }) => last >= first)
    if (front.length > 0) events.dropped(view, front)
    if (back.length > 0) events.truncated(view, back)
  }

  function watch(nodeId: number, disk: SimDisk): void {
    disks.set(nodeId, disk)
    dirty.set(nodeId, new Map())
    disk.watcher = {
      wrote: (path, position) => soil(nodeId, path, position),
      renamed(from, to) {
        drop(nodeId, from)
        soil(nodeId, to, 0)
        if (isLog(to)) renamed.add(keyOf(nodeId, to))
      },
      removed: (path) => drop(nodeId, path),
      namesSynced: () => {},
    }
  }

  function viewAt(nodeId: number, path: string): LogView {
    const folder = folderOf(path)
    const known = views.get(keyOf(nodeId, folder))
    if (known !== undefined) return known
    const name = nameOf(path)
    const topicId = topicIdAt(disks.get(nodeId)!, folder)
    const key = topicId === undefined ? name : keyOfPartition(topicId, name)
    const made: LogView = { nodeId, name, folder, topicId, key, entries: [], intact: 0, end: 0 }
    views.set(keyOf(nodeId, folder), made)
    copies.set(keyOf(nodeId, name), [...copiesOf(nodeId, name), made])
    return made
  }

  function reread(nodeId: number, path: string, from: number): void {
    const view = viewAt(nodeId, path)
    if (spoiled.has(view)) return
    const content = disks.get(nodeId)!.file(path)?.data ?? Buffer.alloc(0)
    const { entries } = view
    // What is appended is at the end: only what stands behind is looked at.
    let kept = entries.length
    while (kept > 0 && isBehind(entries[kept - 1]!, path, from)) kept--
    const tail = entries.splice(kept)
    view.intact = Math.min(view.intact, kept)
    const before = tail.filter(({ file }) => file === path)
    const behind = tail.filter(({ file }) => file !== path)
    const last = entries.at(-1)
    let at = last?.file === path ? last.position + last.size : 0
    const known = new Set(before.map(keyOfEntry))
    const isKnown = renamed.has(keyOf(nodeId, path))
    for (;;) {
      const entry = parse(content, path, at)
      const previous = entries.at(-1)
      const isSpoiled =
        entry === undefined
          ? at < content.length
          : entry === 'damaged' || (previous !== undefined && !follows(view, previous, entry))
      if (isSpoiled && fresh.has(view)) {
        spoiled.add(view)
        break
      }
      if (entry === undefined) break
      if (entry === 'damaged') {
        events.damaged(view, path, at)
        break
      }
      entries.push(entry)
      if (!known.delete(keyOfEntry(entry)) && !isKnown) events.appended(view, entry, previous)
      at += entry.size
    }
    entries.push(...behind)
    view.end = endOf(entries) ?? baseOf(path)
    const lost = before.filter((entry) => known.has(keyOfEntry(entry)))
    if (lost.length > 0) events.truncated(view, lost)
  }

  const logs: Logs = {
    watch,
    refresh() {
      if (!isDirty) return
      isDirty = false
      for (const [nodeId, paths] of dirty) {
        if (paths.size === 0) continue
        const all = [...paths].sort(([a], [b]) => (a < b ? -1 : 1))
        paths.clear()
        for (const [path, from] of all) reread(nodeId, path, from)
      }
      fresh.clear()
      spoiled.clear()
      renamed.clear()
      if (gone.size === 0) return
      const all = [...gone]
      gone.clear()
      for (const [view, out] of all) settle(view, out)
    },
    forget(nodeId) {
      for (const view of [...views.values()]) if (view.nodeId === nodeId) forgetView(view)
      dirty.get(nodeId)!.clear()
      for (const path of disks.get(nodeId)!.files()) {
        if (!isLog(path) || isAside(path) || isBelowStart(disks.get(nodeId)!, path)) continue
        soil(nodeId, path, 0)
        fresh.add(viewAt(nodeId, path))
      }
    },
    view: (nodeId, name) => only(copiesOf(nodeId, name)),
    viewOf(nodeId, { topicId, topic, partition }) {
      const all = copiesOf(nodeId, `${topic}-${partition}`)
      if (all.length < 2) return all[0]?.topicId === topicId ? all[0] : undefined
      return only(all.filter((view) => view.topicId === topicId))
    },
    views: () => views.values(),
    viewIn: (nodeId, folder) => views.get(keyOf(nodeId, folder)),
    entryAt(nodeId, name, base) {
      const found = logs.view(nodeId, name)
      return found && entryIn(found, base)
    },
    isDurable(nodeId, { file, position, size }) {
      const found = disks.get(nodeId)!.file(file)
      if (found?.durable === undefined || found.durable.length < position + size) return false
      const cached = found.data.subarray(position, position + size)
      return cached.equals(found.durable.subarray(position, position + size))
    },
  }
  return logs
}

/** What a replica uses: the controller may not know yet that it was made anew in another directory. */
export function viewUsed(
  logs: Logs,
  { id: nodeId, directories }: Pick<SimNode, 'id' | 'directories'>,
  { topic, partition, log }: Pick<Partition, 'topic' | 'partition' | 'log'>,
): LogView | undefined {
  const place = directories.find(({ id }) => id === log?.directoryId)
  return place && logs.viewIn(nodeId, `${place.path}/${topic}-${partition}`)
}

const endOf = (entries: readonly Entry[]): number | undefined => {
  const last = entries.at(-1)
  return last && last.last + 1
}

/** A segment is named by its first offset. */
const baseOf = (path: string) => Number(path.slice(path.lastIndexOf('/') + 1, -'.log'.length))

const basesIn = (disk: SimDisk, folder: string): number[] =>
  disk.names(folder).filter(isLog).map(baseOf)

/** A whole segment below the log start is back after a power cut: its node drops it when it starts. */
function isBelowStart(disk: SimDisk, path: string): boolean {
  const folder = folderOf(path)
  const starts = disk.file(`${folderOf(folder)}/${LOG_STARTS}`)?.data.toString('utf8')
  const line = starts?.split('\n').find((each) => each.startsWith(`${spacedNameOf(path)} `))
  const start = Number(line?.split(' ')[2] ?? 0)
  return basesIn(disk, folder).some((base) => base > baseOf(path) && base <= start)
}

/** As checkpoints have it: topic and partition. */
const spacedNameOf = (path: string) => nameOf(path).replace(/-(\d+)$/, ' $1')

export function entryIn({ entries }: LogView, base: number): Entry | undefined {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.base < base) low = middle + 1
    else high = middle
  }
  const found = entries[low]
  return found?.base === base ? found : undefined
}

const keyOfPartition = (topicId: string, name: string) =>
  topicId + name.slice(name.lastIndexOf('-'))

function topicIdAt(disk: SimDisk, folder: string): string | undefined {
  const text = disk.file(`${folder}/${PARTITION_METADATA}`)?.data.toString('utf8')
  return text?.match(/topic_id: ([\w-]{22})/)?.[1]
}

/** Of another file behind this one, or of this one from a position on. */
const isBehind = ({ file, position, size }: Entry, path: string, from: number): boolean =>
  file > path || (file === path && position + size > from)

const keyOfEntry = ({ base, epoch, crc: sum, position }: Entry) =>
  `${base}@${epoch}/${sum}/${position}`

function parse(content: Buffer, file: string, at: number): Entry | 'damaged' | undefined {
  if (content.length - at < BATCH_HEADER_BYTES) return undefined
  const size = batchSize(content, at)
  if (size < BATCH_HEADER_BYTES || at + size > content.length) return undefined
  const sum = crc32c(content, at + layout.attributes, at + size)
  if (sum !== crc(content, at)) return 'damaged'
  return {
    base: baseOffset(content, at),
    last: lastOffset(content, at),
    epoch: partitionLeaderEpoch(content, at),
    crc: sum,
    file,
    position: at,
    size,
    producerId: producerId(content, at),
    producerEpoch: producerEpoch(content, at),
    sequence: baseSequence(content, at),
  }
}
