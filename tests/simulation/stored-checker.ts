/**
 * S7, once all nodes have stopped cleanly: what is stored beside the batches is what the batches say.
 * Indexes, epoch tables and producer snapshots are made anew from the bytes of the logs, by the rules of
 * Kafka's formats, and compared with the files.
 *
 * A table of epochs may know more: who led and wrote nothing. So may a producer snapshot: whose batches
 * went as old.
 */
import { LEADER_EPOCHS, readEpochs } from '../../runtime/storage/checkpoints.ts'
import { readProducerSnapshot } from '../../runtime/storage/producer-snapshot.ts'
import { MalformedFileError } from '../../runtime/storage/small-files.ts'
import { maxTimestamp, recordCount } from '../../transport/records/batch.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import type { Entry, Logs, LogView } from './logs.ts'
import { METADATA } from './quorum-checker.ts'
import { must } from './violation.ts'

export type StoredPorts = {
  cluster: SimCluster
  logs: Logs
  /** index.interval.bytes */
  intervalBytes: number
  isCompacted(view: LogView): boolean
}

const metadataIntervalBytes = 4_096
const producersKept = 5

type Indexed = { offset: number; position: number }
type Timed = { timestamp: number; offset: number }

export function checkStored({ cluster, logs, intervalBytes, isCompacted }: StoredPorts): void {
  for (const view of logs.views()) {
    const node = cluster.node(view.nodeId)
    const interval = view.name === METADATA ? metadataIntervalBytes : intervalBytes
    for (const [file, entries] of bySegment(view)) checkIndexes(node, file, entries, interval)
    if (view.name === METADATA) continue
    checkEpochs(node, view)
    if (!isCompacted(view)) checkProducers(node, view)
  }
}

function bySegment({ entries }: LogView): Map<string, Entry[]> {
  const segments = new Map<string, Entry[]>()
  for (const entry of entries) {
    const of = segments.get(entry.file) ?? []
    segments.set(entry.file, of)
    of.push(entry)
  }
  return segments
}

function checkIndexes(node: SimNode, file: string, entries: readonly Entry[], interval: number) {
  const base = Number(file.slice(file.lastIndexOf('/') + 1, -'.log'.length))
  const stem = file.slice(0, -'.log'.length)
  const { data } = node.disk.file(file)!
  const offsets: Indexed[] = []
  const latest: Timed[] = []
  let since = 0
  let top: Timed = { timestamp: -1, offset: -1 }
  const due: Timed[] = []
  for (const { last, position, size } of entries) {
    const timestamp = recordCount(data, position) === 0 ? -1 : maxTimestamp(data, position)
    if (timestamp > top.timestamp) {
      top = { timestamp, offset: last - base }
      latest.push(top)
    }
    if (since > interval) {
      offsets.push({ offset: last - base, position })
      if (top.timestamp >= 0 && due.at(-1) !== top) due.push(top)
      since = 0
    }
    since += size
  }
  const told = (found: object, wanted: object) => () => ({ node: node.id, file, found, wanted })
  const foundOffsets = read(node, `${stem}.index`, 8, (bytes, at) => ({
    offset: bytes.readInt32BE(at),
    position: bytes.readInt32BE(at + 4),
  }))
  must(
    JSON.stringify(foundOffsets) === JSON.stringify(offsets),
    'S7',
    'the offset index is the one that the batches make',
    told(foundOffsets, offsets),
  )
  const times = read(node, `${stem}.timeindex`, 12, (bytes, at) => ({
    timestamp: Number(bytes.readBigInt64BE(at)),
    offset: bytes.readInt32BE(at + 8),
  }))
  // One more is written with each clean stop, so it holds what is due, and nothing that is not so.
  const isSame = (a: Timed) => (b: Timed) => a.timestamp === b.timestamp && a.offset === b.offset
  const wanted = top.timestamp < 0 || due.at(-1) === top ? due : [...due, top]
  must(
    times.every((time) => latest.some(isSame(time))) &&
      times.every(({ timestamp }, at) => at === 0 || timestamp > times[at - 1]!.timestamp) &&
      wanted.every((time) => times.some(isSame(time))),
    'S7',
    'the time index is the one that the batches make',
    told(times, wanted),
  )
}

function read<T>(
  { disk }: SimNode,
  path: string,
  entryBytes: number,
  decode: (bytes: Buffer, at: number) => T,
): T[] {
  const bytes = disk.file(path)?.data ?? Buffer.alloc(0)
  return Array.from({ length: Math.floor(bytes.length / entryBytes) }, (_, at) =>
    decode(bytes, at * entryBytes),
  )
}

/** Each epoch that wrote something begins where the table says. */
function checkEpochs({ id, disk }: SimNode, { folder, entries, end }: LogView): void {
  const table = readEpochs(disk, folder) ?? []
  const at = (offset: number) => table.findLast(({ startOffset }) => startOffset <= offset)?.epoch
  const start = table[0]?.startOffset ?? end
  const wrong = entries.find(({ base, epoch }) => base >= start && at(base) !== epoch)
  const isKnown = entries.length === 0 || start <= entries.at(-1)!.base
  must(
    wrong === undefined && isKnown && table.every(({ startOffset }) => startOffset <= end),
    'S7',
    'the epoch table is the one that the batches make',
    () => ({ node: id, file: `${folder}/${LEADER_EPOCHS}`, table, wrong, end }),
  )
}

function checkProducers(node: SimNode, { folder, entries, end }: LogView): void {
  const { disk } = node
  const first = entries[0]?.base ?? end
  const offsets = disk
    .names(folder)
    .filter((name) => /^\d{20}\.snapshot$/.test(name))
    .map((name) => Number(name.slice(0, 20)))
  must(offsets.includes(end), 'S7', 'a clean stop leaves a snapshot of the producers', () => ({
    node: node.id,
    folder,
    end,
    offsets,
  }))
  for (const offset of offsets) {
    const wanted = new Map<number, Entry[]>()
    for (const entry of entries) {
      if (entry.producerId < 0 || entry.last >= offset) continue
      const before = wanted.get(entry.producerId) ?? []
      const isSameEpoch = before.at(-1)?.producerEpoch === entry.producerEpoch
      wanted.set(entry.producerId, [...(isSameEpoch ? before : []), entry].slice(-producersKept))
    }
    const found = readable(() => readProducerSnapshot(disk, folder, offset))
    // One whose bytes a power cut took is passed over by whoever reads them; the newest was just written.
    if (found === undefined && offset < end) continue
    must(found !== undefined, 'S7', 'the newest producer snapshot can be read', () => ({
      node: node.id,
      folder,
      offset,
    }))
    const told = () => ({ node: node.id, folder, offset, found: [...found], wanted: [...wanted] })
    const words = 'a producer snapshot is the one that the batches make'
    must(offset <= end, 'S7', 'no producer snapshot is of what was cut', told)
    for (const [id, batches] of wanted) {
      const held = found.get(id)
      const kept = (held?.batches ?? []).filter(({ lastOffset }) => lastOffset >= first)
      const isSame =
        held?.epoch === batches[0]!.producerEpoch &&
        kept.length === batches.length &&
        kept.every(({ lastOffset }, at) => lastOffset === batches[at]!.last)
      must(isSame, 'S7', words, told)
    }
    for (const [id, { batches }] of found) {
      const isGone = batches.every(({ lastOffset }) => lastOffset < first)
      must(wanted.has(id) || isGone, 'S7', words, told)
    }
  }
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (why) {
    if (why instanceof MalformedFileError) return undefined
    throw why
  }
}
