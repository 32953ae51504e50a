/**
 * What leaders and followers of partitions claim, held against the disks: P5, P8, P10, P14 to P17.
 * Rows are only looked at; what changed since the last step is checked.
 */
import { type Partition, viewOf } from '../../actors/replica/partition.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { type Entry, type Logs, type LogView, type PartitionOf, viewUsed } from './logs.ts'
import type { KnownPartition, MetadataChecker } from './metadata-checker.ts'
import { METADATA } from './quorum-checker.ts'
import { must } from './violation.ts'

type Watched = {
  row: Partition
  highWatermark: number
  leaderEpoch: number
  role: string
  partitionEpoch: number
  /** The ISR that it asked for. */
  proposed: readonly number[]
}

export type ReplicaChecker = {
  step(): void
  sometimes(): void
  /** Which replicas have what is not committed, or do not know that it is. */
  restless(): object[]
  appended(view: LogView, entry: Entry): void
  /** Whole segments went that were old, or cleaned. */
  dropped(view: LogView, gone: Entry[]): void
  /** Batches were cut from a log in this step. */
  truncated(view: LogView): void
  changed(now: KnownPartition, before: KnownPartition | undefined): void
  /** As it was after the last step. */
  leaderEpoch(node: SimNode, row: Partition): number | undefined
}

export type ReplicaPorts = {
  cluster: SimCluster
  logs: Logs
  metadata: () => MetadataChecker
  minIsrOf(topic: string): number
  isCompacted(view: LogView): boolean
  lagMsMax: number
  /** undefined: the id was given to nobody that we know of. */
  acksOf(producerId: number): number | undefined
}

const nameOf = ({ topic, partition }: { topic: string; partition: number }) =>
  `${topic}-${partition}`

export function checkReplicas(ports: ReplicaPorts): ReplicaChecker {
  const { cluster, logs, metadata, minIsrOf, isCompacted, lagMsMax, acksOf } = ports
  const watched = new Map<SimNode, Watched[]>()
  /** Of which image its rows are. */
  const images = new Map<SimNode, number>()
  /** This step brought the node that is looked at news of brokers and partitions, perhaps several. */
  let hasNews = false
  /** Topic id and partition → the highest high watermark that its leaders ever had. */
  const highest = new Map<string, number>()
  const cut = new Set<LogView>()
  const starts = new WeakMap<LogView, number[]>()
  let turn = 0

  const endOf = (nodeId: number, of: PartitionOf): number => logs.viewOf(nodeId, of)?.end ?? 0

  const rowsOf = ({ parts }: SimNode): Iterable<Partition> =>
    parts?.broker === undefined ? [] : parts.broker.host.replicas.rows()

  function watch(node: SimNode): void {
    const known = watched.get(node)
    const rows = [...rowsOf(node)]
    const isSame =
      known?.length === rows.length && rows.every((row, index) => known[index]!.row === row)
    const now = isSame ? known : rowsWatched(rows, known)
    watched.set(node, now)
    for (const { row } of now) if (row.role === 'leader') top(row, row.highWatermark)
  }

  function rowsWatched(rows: readonly Partition[], known: readonly Watched[] = []): Watched[] {
    const before = new Map(known.map((each) => [each.row, each]))
    return rows.map(
      (row) =>
        before.get(row) ?? {
          row,
          highWatermark: -1,
          leaderEpoch: -1,
          role: 'new',
          partitionEpoch: 0,
          proposed: [],
        },
    )
  }

  /** Keeps the highest high watermark that a leader ever had. */
  function top({ topicId, partition }: Partition, highWatermark = 0): number {
    const key = `${topicId}/${partition}`
    const known = Math.max(highest.get(key) ?? 0, highWatermark)
    highest.set(key, known)
    return known
  }

  function moved(node: SimNode, of: Watched): void {
    const { row } = of
    const { highWatermark, role, context } = row
    const { leaderEpoch } = context
    const told = () => ({
      node: node.id,
      partition: nameOf(row),
      role,
      before: of.highWatermark,
      highWatermark,
      end: row.log?.endOffset(),
      context,
      followers: row.followers.map(({ id, logEndOffset }) => ({ id, logEndOffset })),
    })
    if (of.role !== role || of.leaderEpoch !== leaderEpoch) checkOwnLog(node, row)
    const isSameTerm = of.role === 'leader' && role === 'leader' && of.leaderEpoch === leaderEpoch
    if (row.log !== undefined) {
      must(
        highWatermark <= row.log.endOffset() && highWatermark >= row.log.startOffset(),
        'P15',
        'log start <= high watermark <= log end',
        told,
      )
    }
    if (role === 'leader' && context.proposedIsr !== of.proposed) asksFor(node, row, told)
    of.proposed = context.proposedIsr
    if (isSameTerm) {
      must(highWatermark >= of.highWatermark, 'P5', 'the high watermark never goes back', told)
      if (highWatermark > of.highWatermark) raised(node, of, told)
    }
    // Who ceased to lead in this step may have raised it before.
    if (role === 'leader' || of.role === 'leader') top(row, highWatermark)
    else if (role === 'follower' && of.role === 'follower' && highWatermark > of.highWatermark) {
      // A leader may be newer than our last look at its rows.
      if (highWatermark > top(row)) for (const each of cluster.nodes) watch(each)
      must(
        highWatermark <= top(row),
        'P7',
        'a follower knows no more committed than a leader did',
        told,
      )
    }
    of.highWatermark = highWatermark
    of.leaderEpoch = leaderEpoch
    of.role = role
    of.partitionEpoch = context.partitionEpoch
  }

  function checkOwnLog(node: SimNode, row: Partition): void {
    const view = viewUsed(logs, node, row)
    must(
      view === undefined || view.topicId === row.topicId,
      'P17',
      'a replica keeps no log of another topic',
      () => ({ node: node.id, log: view?.name, found: view?.topicId, topicId: row.topicId }),
    )
  }

  function raised(node: SimNode, of: Watched, told: () => object): void {
    const { row } = of
    const { highWatermark, context } = row
    const least = Math.min(minIsrOf(row.topic), row.replicas.length)
    const known = metadata().partition(row.topicId, row.partition)
    // One step may see several changes: it rose before the ISR became too small.
    const seen = known?.isrSizes.slice(of.partitionEpoch, context.partitionEpoch + 1) ?? []
    must(
      Math.max(context.isr.length, ...seen) >= least,
      'P8',
      'with too small an ISR the high watermark stands',
      told,
    )
    if (known?.leaderEpoch === context.leaderEpoch) {
      for (const id of new Set([...known.isr, ...context.proposedIsr])) {
        if (id === node.id || cluster.node(id).isSuspect) continue
        must(
          endOf(id, row) >= highWatermark,
          'P8',
          'the high watermark waits for each of the ISR',
          () => ({ id, end: endOf(id, row), isr: known.isr, ...told() }),
        )
      }
    }
    const now = node.machine.monotonic()
    const image = node.parts!.loader.image()
    const brokers = image.brokers()
    const state = image.topicById(row.topicId)?.partition(row.partition)
    for (const follower of row.followers) {
      const { id, logEndOffset, brokerEpoch, lastCaughtUpMs } = follower
      const broker = brokers.get(id)
      const isEligible =
        broker !== undefined &&
        !hasNews &&
        !broker.fenced &&
        !broker.inControlledShutdown &&
        logEndOffset >= 0 &&
        brokerEpoch === broker.epoch &&
        now - lastCaughtUpMs < lagMsMax - 1_000 &&
        broker.logDirs.includes(state?.directories[state.replicas.indexOf(id)] ?? '')
      must(
        !isEligible || logEndOffset >= highWatermark,
        'P8',
        'the high watermark waits for who is about to join',
        () => ({ id, broker, follower, now, ...told() }),
      )
    }
  }

  /** Its other replicas may have removed their logs, though this one does not know yet. */
  const isDeleted = ({ topicId }: { topicId: string }): boolean =>
    cluster.newestImage()?.topicById(topicId) === undefined

  /** It asks for a larger ISR: who is to join must hold what is committed by now. */
  function asksFor(node: SimNode, row: Partition, told: () => object): void {
    const { isr, proposedIsr } = row.context
    if (isDeleted(row)) return
    const brokers = node.parts!.loader.image().brokers()
    for (const id of proposedIsr) {
      if (isr.includes(id) || cluster.node(id).isSuspect) continue
      // It asks for an incarnation that is gone, which only the controller can know (KIP-903).
      if (brokers.get(id)?.epoch !== metadata().broker(id)?.epoch) continue
      const end = endOf(id, row)
      must(
        end >= row.highWatermark && end >= row.epochStart,
        'P10',
        'who is asked into an ISR has reached the high watermark and the start of the epoch',
        () => ({ id, end, epochStart: row.epochStart, ...told() }),
      )
    }
  }

  /** Where in a log another epoch begins; only what came since the last look is looked through. */
  function epochStarts(view: LogView): number[] {
    const { entries, intact } = view
    const known = (starts.get(view) ?? []).filter((at) => at < intact)
    for (let at = intact; at < entries.length; at++) {
      if (entries[at]!.epoch !== entries[at - 1]?.epoch) known.push(at)
    }
    view.intact = entries.length
    starts.set(view, known)
    return known
  }

  /** P14: the epoch table says what the batches say. */
  function checkEpochs(node: SimNode, row: Partition): void {
    const view = viewUsed(logs, node, row)
    const { log } = row
    if (view === undefined || log === undefined) return
    let before = -1
    const start = log.startOffset()
    const { entries } = view
    const first = entries.findIndex(({ last }) => last >= start)
    const wanted = first < 0 ? [] : [first, ...epochStarts(view).filter((at) => at > first)]
    for (const at of wanted) {
      const { epoch, base } = entries[at]!
      if (base < start) {
        before = epoch
        continue
      }
      const told = () => ({ node: node.id, log: view.name, epoch, base, at: log.epochAt(base) })
      must(log.epochAt(base) === epoch, 'P14', 'the epoch table says what the batches say', told)
      if (before >= 0 && base > 0) {
        const end = log.endOffsetFor(before)
        must(
          end?.epoch === before && end.endOffset <= base,
          'P14',
          'an epoch ends where the next one begins',
          () => ({ ...told(), before, end }),
        )
      }
      before = epoch
    }
    const latest = log.latestEpoch() ?? -1
    must(
      latest >= before && latest <= row.context.leaderEpoch,
      'P14',
      'no epoch of the table is above the one in force',
      () => ({ node: node.id, log: view.name, latest, before, context: row.context }),
    )
  }

  /** P14: the table shrinks with the log. Who leads by now may have begun its epoch at the end. */
  function checkCut(view: LogView): void {
    const { nodeId, name } = view
    const node = cluster.node(nodeId)
    const row = [...rowsOf(node)].find((each) => viewUsed(logs, node, each) === view)
    if (row?.log === undefined || row.role === 'leader' || row.removed) return
    const latest = row.log.latestEpoch()
    const end = row.log.endOffset()
    must(
      latest === row.log.epochAt(end - 1),
      'P14',
      'no epoch of the table outlives the batches that are cut',
      () => ({ node: nodeId, log: name, end, latest }),
    )
  }

  return {
    step() {
      if (cut.size > 0) {
        for (const view of cut) checkCut(view)
        cut.clear()
      }
      for (const node of cluster.nodes) {
        if (node.parts?.broker === undefined) {
          watched.delete(node)
          continue
        }
        if (!node.machine.isTouched()) continue
        const { offset } = node.parts.loader.image()
        hasNews = images.get(node) !== offset || !watched.has(node)
        if (hasNews) watch(node)
        images.set(node, offset)
        for (const of of watched.get(node)!) {
          const { row } = of
          const isSame =
            row.highWatermark === of.highWatermark &&
            row.role === of.role &&
            row.context.partitionEpoch === of.partitionEpoch &&
            row.context.proposedIsr === of.proposed &&
            row.context.leaderEpoch === of.leaderEpoch
          if (!isSame && !row.removed && row.depth === 0) moved(node, of)
        }
      }
    },
    sometimes() {
      const { nodes } = cluster
      for (const node of nodes) watch(node)
      const node = nodes[turn++ % nodes.length]!
      if (node.parts?.broker?.state() !== 'running') return
      for (const row of rowsOf(node)) {
        if (!row.removed) checkEpochs(node, row)
      }
    },
    restless() {
      return cluster.nodes.flatMap((node) =>
        [...rowsOf(node)].flatMap((row) => {
          const { log, highWatermark, role } = row
          const end = log?.endOffset()
          const stable = viewOf(row).lastStableOffset()
          if (end !== undefined && stable === highWatermark && highWatermark === end) return []
          return [{ node: node.id, log: nameOf(row), role, stable, highWatermark, end }]
        }),
      )
    },
    appended(view, entry) {
      if (view.name === METADATA || entry.producerId < 0) return
      const watching = watched.get(cluster.node(view.nodeId))
      const { topicId, name } = view
      const row = watching?.find(
        ({ row: each }) => each.topicId === topicId && nameOf(each) === name,
      )?.row
      if (row?.role !== 'leader' || row.context.leaderEpoch !== entry.epoch) return
      if (acksOf(entry.producerId) !== -1) return
      const { context, replicas } = row
      must(
        context.isr.length >= Math.min(minIsrOf(row.topic), replicas.length),
        'P16',
        'with too small an ISR acks=all is refused before the append',
        () => ({ node: view.nodeId, log: view.name, entry, context }),
      )
    },
    truncated: (view) => void cut.add(view),
    dropped(view, gone) {
      for (const each of cluster.nodes) watch(each)
      const partition = view.name.slice(view.name.lastIndexOf('-') + 1)
      const committed = highest.get(`${view.topicId}/${partition}`)
      must(
        gone.every(({ last }) => last < (committed ?? 0)),
        isCompacted(view) ? 'S9' : 'S10',
        'what goes as old stood below the high watermark',
        () => ({ node: view.nodeId, log: view.name, committed, gone: gone.at(-1) }),
      )
    },
    changed(now, before) {
      if (before === undefined || isDeleted(now)) return
      const committed = highest.get(`${now.topicId}/${now.partition}`) ?? 0
      for (const id of now.isr) {
        if (before.isr.includes(id) || cluster.node(id).isSuspect) continue
        must(
          endOf(id, now) >= committed,
          'P10',
          'who joins an ISR has reached the high watermark',
          () => ({ id, end: endOf(id, now), highWatermark: committed, now, before }),
        )
      }
    },
    leaderEpoch: (node, row) => watched.get(node)?.find((each) => each.row === row)?.leaderEpoch,
  }
}
