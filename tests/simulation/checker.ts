/**
 * Asserts the invariants over one simulated cluster. It keeps its own record: of the disks' bytes, of
 * what clients sent, were told and read, and of what it once knew to be committed.
 */
import type { NodeParts } from '../../runtime/node.ts'
import { CLEAN_MARKER } from '../../runtime/storage/clean-marker.ts'
import { checkApplied } from './apply-checker.ts'
import type { Cleanup } from './cleanup.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { checkIdle } from './idle-checker.ts'
import { createLogs, type Entry, type Logs, type LogView, topicOf } from './logs.ts'
import { checkMessages } from './message-checker.ts'
import { checkMetadata, type MetadataChecker } from './metadata-checker.ts'
import { checkOffsets, type OffsetsChecker } from './offsets-checker.ts'
import { checkPartitions, type PartitionChecker } from './partition-checker.ts'
import { checkPositions } from './position-checker.ts'
import { checkProducers, type ProducerChecker } from './producer-checker.ts'
import { checkQuorum, METADATA, type QuorumChecker } from './quorum-checker.ts'
import { checkReassignments } from './reassignment-checker.ts'
import { checkReplicas } from './replica-checker.ts'
import { checkSessions } from './session-checker.ts'
import { checkSize } from './size-checker.ts'
import { checkSnapshots } from './snapshot-checker.ts'
import { checkStored } from './stored-checker.ts'
import { must, Violation } from './violation.ts'

export type Checker = {
  readonly logs: Logs
  readonly quorum: QuorumChecker
  readonly partitions: PartitionChecker
  readonly producers: ProducerChecker
  readonly offsets: OffsetsChecker
  /** A node is put together, and starts now. */
  starting(node: SimNode, parts: NodeParts): void
  /** The power of a node went: what is known of its disk is read again. */
  lost(nodeId: number): void
  /** Its disk holds what it held once. */
  restored(node: SimNode): void
  /** After each step; throws a Violation. */
  step(): void
  sometimes(): void
  /** Which replicas have what is not committed, or do not know that it is. */
  restless(): object[]
  /** All nodes have stopped cleanly. */
  stopped(): void
}

export type CheckerOptions = {
  minIsrOf(topic: string): number
  /** Of a batch that a client sends to a log. */
  bytesMaxOf(log: string): number
  lagMsMax: number
  /** index.interval.bytes */
  intervalBytes: number
  nowMs(): number
  cleanupOf(topic: string): Cleanup
}

/** A batch as the first log had it. */
type Written = { crc: number; before: string | undefined; node: number; logStart: number }

export function createChecker(cluster: SimCluster, options: CheckerOptions): Checker {
  const { minIsrOf, bytesMaxOf, lagMsMax, nowMs, cleanupOf } = options
  const isCompacted = ({ name }: LogView) => cleanupOf(topicOf(name)) === 'compacts'
  /** Found inside a call of the production code, which would take it for an error of its own. */
  let found: unknown
  function guarded(check: () => void): void {
    try {
      check()
    } catch (why) {
      found ??= why
    }
  }
  /** `log|base@epoch` → what stands there and before it, wherever it stands (R5, P4). */
  const written = new Map<string, Written>()

  /** @returns of a copy: what it is a copy of */
  function appended(view: LogView, entry: Entry, before: Entry | undefined): Written | undefined {
    const key = `${view.key}|${entry.base}@${entry.epoch}`
    const beforeKey = before === undefined ? undefined : `${before.base}@${before.epoch}`
    const rule = view.name === METADATA ? 'R5' : 'P4'
    const mayHaveGaps = isCompacted(view)
    const isDense =
      before === undefined ||
      (mayHaveGaps ? entry.base > before.last : entry.base === before.last + 1)
    must(
      isDense && (before === undefined || entry.epoch >= before.epoch),
      'P15',
      'a log is dense, and its epochs only rise',
      () => ({ node: view.nodeId, log: view.name, before, entry }),
    )
    if (mayHaveGaps) return undefined
    const known = written.get(key)
    if (known === undefined) {
      const { nodeId: node, entries } = view
      written.set(key, { crc: entry.crc, before: beforeKey, node, logStart: entries[0]!.base })
      return undefined
    }
    const isSame =
      known.crc === entry.crc &&
      (known.before === beforeKey || known.before === undefined || beforeKey === undefined)
    must(isSame, rule, 'equal offset and epoch mean equal bytes there and before', () => ({
      nodes: [known.node, view.nodeId],
      log: view.name,
      known,
      entry,
      before,
    }))
    return known
  }

  /** The copy where the controller believes the replica; else the one that was written to most. */
  function choose(all: readonly LogView[]): LogView | undefined {
    const [one] = all
    if (one?.topicId === undefined) return one
    const { nodeId, topicId, name } = one
    const partition = Number(name.slice(name.lastIndexOf('-') + 1))
    const state = cluster.newestImage()?.topicById(topicId)?.partition(partition)
    const directoryId = state?.directories[state.replicas.indexOf(nodeId)]
    const { directories, offline } = cluster.node(nodeId)
    const isOnline = ({ folder }: LogView) => !offline.has(folder.slice(0, folder.lastIndexOf('/')))
    // What failed is used no more, though the controller may have yet to hear of it.
    const copies = all.some(isOnline) ? all.filter(isOnline) : all
    const place = directories.find(({ id }) => id === directoryId)
    const placed = place && copies.find(({ folder }) => folder === `${place.path}/${name}`)
    if (placed !== undefined) return placed
    return [...copies].sort((a, b) => b.end - a.end)[0]
  }

  const logs = createLogs(
    {
      appended(view, entry, before) {
        const original = appended(view, entry, before)
        checkSize(view, entry, bytesMaxOf)
        producers.appended(view, entry, original?.logStart)
        replicas.appended(view, entry)
        offsets.appended(view, entry)
      },
      truncated(view, gone) {
        if (view.name === METADATA) quorum.truncated(view, gone)
        else {
          producers.truncated(view)
          replicas.truncated(view)
          partitions.truncated(view, gone)
        }
      },
      restarted: (view) => producers.restarted(view),
      dropped(view, gone) {
        if (view.name === METADATA) return
        replicas.dropped(view, gone)
        if (!isCompacted(view)) partitions.dropped(view, gone)
      },
      damaged(view, file, position) {
        throw new Violation('S1', 'what is written is whole', { node: view.nodeId, file, position })
      },
    },
    choose,
    isCompacted,
  )
  for (const { id, disk } of cluster.nodes) logs.watch(id, disk)
  const messages = checkMessages(
    cluster,
    () => metadata,
    (node, row) => replicas.leaderEpoch(node, row),
    guarded,
    nowMs,
  )
  const quorum = checkQuorum(cluster, logs, (node, state) =>
    guarded(() => messages.stored(node, state)),
  )
  const partitions = checkPartitions(cluster, logs, cleanupOf)
  const producers = checkProducers(cluster, logs, isCompacted)
  const offsets = checkOffsets(cluster, logs, () => metadata)
  const replicas = checkReplicas({
    cluster,
    logs,
    metadata: () => metadata,
    minIsrOf,
    isCompacted,
    lagMsMax,
    acksOf: producers.acksOf,
  })
  const applied = checkApplied(cluster, nowMs)
  const reassignments = checkReassignments(minIsrOf)
  const positions = checkPositions(cluster, logs, isCompacted)
  const snapshots = checkSnapshots(cluster, quorum.committedEnd)
  const sessions = checkSessions(cluster, nowMs)
  const idle = checkIdle(cluster)
  const metadata: MetadataChecker = checkMetadata(
    cluster,
    {
      changed: replicas.changed,
      committed(batch) {
        quorum.committed(batch)
        snapshots.committed(batch)
        reassignments.committed(batch)
      },
      fenced: sessions.fenced,
    },
    guarded,
  )
  cluster.network.onDelivery = (from, to, api) => {
    messages.delivered(from, to, api)
    sessions.delivered(from, to, api)
  }
  cluster.network.onAnswer = (asked, asker, api, request, answer) => {
    messages.answered(asked, asker, api, request, answer)
    guarded(() => positions.answered(asked, api, request, answer))
  }

  function checkCleanMarker({ id, parts, disk, directories, offline }: SimNode): void {
    if (parts?.broker?.state() !== 'running') return
    for (const { path } of directories) {
      if (offline.has(path)) continue
      const content = disk.file(`${path}/${CLEAN_MARKER}`)?.durable
      must(
        content === undefined,
        'S3',
        'no marker of a clean stop stands while a node runs',
        () => ({ node: id, path }),
      )
    }
  }

  return {
    logs,
    quorum,
    partitions,
    producers,
    offsets,
    starting(node, parts) {
      metadata.starting(node, parts)
      applied.starting(parts)
    },
    restored(node) {
      quorum.restored(node)
      logs.forget(node.id)
      partitions.lost()
    },
    lost(nodeId) {
      quorum.lost(nodeId)
      logs.forget(nodeId)
      partitions.lost()
    },
    step() {
      logs.refresh()
      if (found !== undefined) throw found
      quorum.step()
      partitions.step()
      replicas.step()
      producers.step()
      messages.step(nowMs())
    },
    sometimes() {
      for (const node of cluster.nodes) checkCleanMarker(node)
      quorum.sometimes()
      snapshots.sometimes()
      applied.sometimes()
      partitions.sometimes()
      replicas.sometimes()
      producers.sometimes()
      sessions.sometimes()
      idle.sometimes()
    },
    restless: () => replicas.restless(),
    stopped: () =>
      checkStored({ cluster, logs, intervalBytes: options.intervalBytes, isCompacted }),
  }
}
