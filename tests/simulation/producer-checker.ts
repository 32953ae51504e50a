/**
 * What idempotent producers are promised: I1, I2, I4, I5, and P17, by the batches on each disk. Sequences of a
 * producer are dense in every log, and a retry of one of the last five is known for what it is.
 */
import type { Partition } from '../../actors/replica/partition.ts'
import { errorCodes } from '../../transport/protocol/errors.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { type Entry, type Logs, type LogView, viewUsed } from './logs.ts'
import { METADATA } from './quorum-checker.ts'
import { must } from './violation.ts'

type Batch = { sequence: number; base: number; last: number }
type Kept = { epoch: number; lastSequence: number; batches: Batch[] }

/** A batch as its producer sends it. */
export type Attempt = {
  topicId: string
  topic: string
  partition: number
  producerId: number
  producerEpoch: number
  sequence: number
}

export type Owner = { acks: number; topic: string; topicId: string | undefined; partition: number }

export type ProducerChecker = {
  /** @param leaderStart of a copy: where its leader's log began. It is judged by what both hold */
  appended(view: LogView, entry: Entry, leaderStart: number | undefined): void
  /** Nobody is known in it any more. */
  restarted(view: LogView): void
  truncated(view: LogView): void
  /** An id was given to a producer, for one partition only; by name where its topic stays. */
  given(producerId: number, owner: Owner): void
  /** A batch leaves for a broker. @returns to be called with the answer's error */
  sent(attempt: Attempt, nodeId: number): (error: number) => void
  /** Acks of the producer that has this id. */
  acksOf(producerId: number): number | undefined
  /** After each step. */
  step(): void
  sometimes(): void
}

const batchesKept = 5
const sequences = 2 ** 31

export function checkProducers(
  cluster: SimCluster,
  logs: Logs,
  isCompacted: (view: LogView) => boolean,
): ProducerChecker {
  const known = new WeakMap<LogView, Map<number, Kept>>()
  /** All that a log held and that was not cut: what went as old is still remembered. */
  const histories = new WeakMap<LogView, Entry[]>()
  const owners = new Map<number, Owner>()
  const cut = new Set<LogView>()
  let turn = 0

  function of(view: LogView): Map<number, Kept> {
    const found = known.get(view) ?? new Map<number, Kept>()
    known.set(view, found)
    return found
  }

  function take(kept: Map<number, Kept>, entry: Entry): void {
    const { producerId, producerEpoch: epoch, sequence, base, last } = entry
    const lastSequence = (sequence + last - base) % sequences
    const before = kept.get(producerId)
    const batches = before?.epoch === epoch ? before.batches : []
    batches.push({ sequence, base, last })
    if (batches.length > batchesKept) batches.shift()
    kept.set(producerId, { epoch, lastSequence, batches })
  }

  function check(simNode: SimNode, row: Partition): void {
    const { id: node } = simNode
    const view = viewUsed(logs, simNode, row)
    const { log } = row
    if (log === undefined || view === undefined) return
    const kept = of(view)
    const held = log.producers()
    const told = () => ({ node, log: view.name, held, kept: [...kept] })
    // What went as old may be known still, or not.
    const first = view.entries[0]?.base ?? view.end
    const isWhole = first === 0 && !isCompacted(view)
    const ids = new Set(held.map(({ producerId }) => producerId))
    for (const [id, { batches }] of kept) {
      const isThere = batches.at(-1)!.base >= first
      must(ids.has(id) || !isThere, 'I4', 'producer state is what the batches say', told)
    }
    for (const { producerId, epoch, lastSequence, lastOffset } of held) {
      const own = kept.get(producerId)
      if (own === undefined && !isWhole) continue
      must(
        own?.epoch === epoch &&
          own.lastSequence === lastSequence &&
          own.batches.at(-1)?.last === lastOffset,
        'I4',
        'producer state is what the batches say',
        told,
      )
    }
  }

  return {
    appended(view, entry, leaderStart) {
      if (view.name === METADATA) return
      if (entry.producerId < 0) return
      const kept = of(view)
      const { producerId, producerEpoch, sequence } = entry
      const last = kept.get(producerId)
      const told = () => ({ node: view.nodeId, log: view.name, last, entry })
      const owner = owners.get(producerId)
      must(
        owner === undefined || isHome(owner, view),
        'P17',
        'what was sent to one topic id stands under no other',
        () => ({ owner, topicId: view.topicId, ...told() }),
      )
      must(
        last === undefined || producerEpoch >= last.epoch,
        'I3',
        'an older producer epoch stores nothing',
        told,
      )
      // Of a producer that the log does not know it takes any sequence, as Kafka does: what came before
      // may have been refused, or deleted. So may a leader that does not, where this one still does.
      const isShared =
        leaderStart === undefined ||
        (last?.batches.at(-1)?.base ?? -1) >= Math.max(view.entries[0]!.base, leaderStart)
      if (last !== undefined && isShared) {
        const wanted = last.epoch < producerEpoch ? 0 : (last.lastSequence + 1) % sequences
        must(sequence >= wanted, 'I1', 'a batch is stored at most once', told)
        must(
          sequence === wanted || isCompacted(view),
          'I2',
          'a gap in the sequences stores nothing',
          told,
        )
      }
      take(kept, entry)
      const history = histories.get(view) ?? []
      histories.set(view, history)
      history.push(entry)
    },
    restarted(view) {
      known.delete(view)
      histories.delete(view)
    },
    truncated(view) {
      if (view.name === METADATA) return
      const history = (histories.get(view) ?? []).filter(({ last }) => last < view.end)
      const kept = new Map<number, Kept>()
      for (const entry of history) take(kept, entry)
      histories.set(view, history)
      known.set(view, kept)
      cut.add(view)
    },
    given(producerId, owner) {
      must(!owners.has(producerId), 'I5', 'a producer id is handed out once', () => ({
        producerId,
      }))
      owners.set(producerId, owner)
    },
    sent({ topicId, topic, partition, producerId, producerEpoch, sequence }, nodeId) {
      const find = () => {
        const view = logs.viewOf(nodeId, { topicId, topic, partition })
        const kept = view && known.get(view)?.get(producerId)
        if (kept?.epoch !== producerEpoch) return undefined
        return kept.batches.find((batch) => batch.sequence === sequence)
      }
      const before = find()
      return (error) => {
        if (error !== errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER || before === undefined) return
        must(
          find()?.base !== before.base,
          'I1',
          'a retry of one of the last five batches gets the offset of the first',
          () => ({ nodeId, topic, partition, producerId, sequence, before }),
        )
      }
    },
    acksOf: (producerId) => owners.get(producerId)?.acks,
    step() {
      for (const view of cut) {
        const node = cluster.node(view.nodeId)
        for (const row of node.parts?.broker?.host.replicas.rows() ?? []) {
          if (!row.removed && viewUsed(logs, node, row) === view) check(node, row)
        }
      }
      cut.clear()
    },
    sometimes() {
      const { nodes } = cluster
      const node = nodes[turn++ % nodes.length]!
      if (node.parts?.broker?.state() !== 'running') return
      for (const row of node.parts.broker.host.replicas.rows()) {
        check(node, row)
      }
    },
  }
}

/** What has lost its topic id is of none, and nobody reads it. */
const isHome = ({ topic, topicId, partition }: Owner, view: LogView): boolean =>
  view.name === `${topic}-${partition}` &&
  (topicId === undefined || view.topicId === undefined || topicId === view.topicId)
