/**
 * Asserts the invariants over one simulated cluster. It keeps its own record: of the disks' bytes, of
 * what clients sent, were told and read, and of what it once knew to be committed.
 */
import type { SimCluster } from './cluster.ts'
import { createLogs, type Entry, type Logs, type LogView } from './logs.ts'
import { checkPartitions, type PartitionChecker } from './partition-checker.ts'
import { checkQuorum, METADATA, type QuorumChecker } from './quorum-checker.ts'
import { must, Violation } from './violation.ts'

export type Checker = {
  readonly logs: Logs
  readonly quorum: QuorumChecker
  readonly partitions: PartitionChecker
  /** After each step; throws a Violation. */
  step(): void
  sometimes(): void
}

export function createChecker(cluster: SimCluster): Checker {
  /** `log|base@epoch` → what stands there and before it, wherever it stands (R5, P4). */
  const written = new Map<string, { crc: number; before: string | undefined; node: number }>()

  function appended(view: LogView, entry: Entry, before: Entry | undefined): void {
    const key = `${view.name}|${entry.base}@${entry.epoch}`
    const beforeKey = before === undefined ? undefined : `${before.base}@${before.epoch}`
    const rule = view.name === METADATA ? 'R5' : 'P4'
    must(
      before === undefined || (entry.base === before.last + 1 && entry.epoch >= before.epoch),
      'P15',
      'a log is dense, and its epochs only rise',
      () => ({ node: view.nodeId, log: view.name, before, entry }),
    )
    const known = written.get(key)
    if (known === undefined) {
      written.set(key, { crc: entry.crc, before: beforeKey, node: view.nodeId })
      return
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
  }

  const logs = createLogs({
    appended,
    truncated(view, gone) {
      if (view.name === METADATA) quorum.truncated(view, gone)
    },
    damaged(view, file, position) {
      throw new Violation('S1', 'what is written is whole', { node: view.nodeId, file, position })
    },
  })
  for (const { id, disk } of cluster.nodes) logs.watch(id, disk)
  const quorum = checkQuorum(cluster, logs)
  const partitions = checkPartitions(cluster, logs)

  return {
    logs,
    quorum,
    partitions,
    step() {
      logs.refresh()
      quorum.step()
      partitions.step()
    },
    sometimes() {
      quorum.sometimes()
      partitions.sometimes()
    },
  }
}
