/**
 * What disks do wrong. A node ends when the log directory with its metadata fails; one that has others
 * goes on with those (S8), and gets the failed one back with its next life.
 */
import { replaceFile } from '../../runtime/storage/small-files.ts'
import type { SimLogDirectory, SimNode } from './cluster.ts'
import { damageDisk, type Lost, loseFile } from './damage.ts'
import { calmCheck, DiskError } from './disk.ts'
import type { FaultPorts, Performed } from './faults.ts'
import type { Target } from './script.ts'
import { Violation } from './violation.ts'

export type DiskFaultPorts = FaultPorts & {
  find(target: Target): SimNode | undefined
  /** Whether its disk may lose what it has. */
  mayLose(node: SimNode): boolean
  lasting(ms: number, end: () => void): true
  startLater(node: SimNode, ms: number): true
  /** Nothing goes wrong any more. */
  isHealed(): boolean
  /** Of a fault that was begun before. */
  happened(name: DiskFaultName): void
}

type DiskFaultName = 'wipe' | 'replaceDirectory' | 'bitFlip' | 'fileLost' | 'oldCopy' | 'diskError'

/** Between a call that failed and what must come of it, at most; a loop may stand still besides. */
const strickenMs = 10_000

export function createDiskFaults(ports: DiskFaultPorts): Pick<Performed, DiskFaultName> {
  const {
    scheduler,
    trace,
    cluster,
    checker,
    fail,
    find,
    mayLose,
    lasting,
    startLater,
    isHealed,
    happened,
  } = ports

  /** @param end of the life that met the error */
  function laterOn(node: SimNode, end: () => void, look: () => void): void {
    scheduler.after(strickenMs, () => {
      if (node.end !== end) return
      if (node.machine.isPaused() || node.parts === undefined) laterOn(node, end, look)
      else look()
    })
  }

  function strike(node: SimNode, end: () => void, operation: string): void {
    node.isStricken = true
    const rule = operation === 'sync' ? 'S6' : 'S8'
    scheduler.after(strickenMs, function look() {
      if (node.end !== end) return
      if (node.machine.isPaused()) return void scheduler.after(strickenMs, look)
      fail(new Violation(rule, 'a node whose only disk fails stops', { node: node.id, operation }))
    })
  }

  function setOffline(node: SimNode, end: () => void, path: string, operation: string): void {
    node.offline.add(path)
    laterOn(node, end, () => {
      const known = node.parts?.broker?.host.replicas.directories() ?? []
      if (known.every((each) => each.path !== path || !each.online)) return
      const rule = operation === 'sync' ? 'S6' : 'S8'
      const words = 'a directory that failed is used no more'
      fail(new Violation(rule, words, { node: node.id, path, operation }))
    })
  }

  /** Others hold what the quorum agreed on. */
  const isReplaceable = ({ isController }: SimNode) =>
    !isController || cluster.nodes.filter((each) => each.isController).length > 2

  /** What it lacks it may name, and refuse to start; it gets it back then. */
  function startRefusing(node: SimNode, ms: number, lost: Lost | undefined): true {
    return lasting(ms, () => {
      if (node.end !== undefined) return
      if (lost !== undefined) {
        node.refused = (why) => {
          const folder = lost.path.slice(0, lost.path.lastIndexOf('/'))
          const isTold = String(why).includes(lost.path) || String(why).includes(folder)
          const details = { node: node.id, path: lost.path, why: String(why) }
          if (!isTold) fail(new Violation('S5', 'who refuses tells which file', details))
          replaceFile(node.disk, folder, lost.path.slice(folder.length + 1), lost.bytes)
          checker.lost(node.id)
          scheduler.after(200, () => {
            if (node.end === undefined) cluster.start(node)
          })
        }
      }
      cluster.start(node)
    })
  }

  function copyOnceStopped(
    node: SimNode,
    places: readonly SimLogDirectory[],
    afterMs: number,
    forMs: number,
  ): void {
    scheduler.after(500, () => {
      if (isHealed()) return
      if (node.running !== undefined) return copyOnceStopped(node, places, afterMs, forMs)
      // Who was killed meanwhile left no mark of a clean stop.
      const copies = places.map(({ path }) => node.disk.copy(path))
      if (node.end === undefined) cluster.start(node)
      scheduler.after(afterMs, () => {
        if (isHealed() || node.end === undefined || !mayLose(node)) return
        cluster.kill(node)
        node.isSuspect = true
        for (const copy of copies) node.disk.putBack(copy)
        trace.note('old copy', { node: node.id, places })
        checker.restored(node)
        happened('oldCopy')
        startLater(node, forMs)
      })
    })
  }

  return {
    // A voter with an empty disk is another voter (KIP-853), which somebody has to add.
    wipe({ node: target, forMs }) {
      const node = find(target)
      if (node?.end === undefined || node.isController || !mayLose(node)) return false
      cluster.wipe(node)
      checker.lost(node.id)
      return startLater(node, forMs)
    },
    replaceDirectory({ node: target, directory, forMs }) {
      const node = find(target)
      const others = node?.directories.slice(1) ?? []
      if (node?.end === undefined || others.length === 0 || !mayLose(node)) return false
      cluster.replaceDirectory(node, others[directory % others.length]!.path)
      checker.lost(node.id)
      return startLater(node, forMs)
    },
    bitFlip({ node: target, forMs, ...damage }) {
      const node = find(target)
      if (node?.end === undefined || !mayLose(node)) return false
      const isOfQuorum = damage.of === 'metadata' || damage.of === 'snapshot'
      if (isOfQuorum && !isReplaceable(node)) return false
      cluster.kill(node)
      node.isSuspect = node.isBroker
      const done = damageDisk(node, checker, damage)
      trace.note('damage', { node: node.id, of: damage.of, ...done?.told })
      checker.lost(node.id)
      return startRefusing(node, forMs, done?.lost)
    },
    fileLost({ node: target, how, seed, forMs }) {
      const node = find(target)
      if (node?.end === undefined || !mayLose(node)) return false
      cluster.kill(node)
      node.isSuspect = node.isBroker
      const lost = loseFile(node, how, seed)
      trace.note('file lost', { node: node.id, how, path: lost?.path })
      checker.lost(node.id)
      return startRefusing(node, forMs, lost)
    },
    oldCopy({ node: target, afterMs, forMs }) {
      const node = find(target)
      if (node?.running === undefined) return false
      const places = node.directories.slice(node.isController ? 1 : 0)
      if (places.length === 0) return false
      cluster.stop(node)
      copyOnceStopped(node, places, afterMs, forMs)
      // It counts once the copy is put back.
      return false
    },
    diskError({ node: target, directory, operation, code, share, forMs }) {
      const node = find(target)
      if (node === undefined) return false
      const { faults } = node.disk
      const { path: failing } = node.directories[directory % node.directories.length]!
      const check: typeof faults.check = (called, path, isHeard = true) => {
        if (called !== operation || !(path === failing || path.startsWith(`${failing}/`))) return
        const { end } = node
        if (isHeard && end !== undefined && !node.isStricken && !node.offline.has(failing)) {
          trace.note('disk error', { node: node.id, operation, code, path })
          if (failing === node.directory) strike(node, end, operation)
          else setOffline(node, end, failing, operation)
        }
        throw new DiskError(code, path, share)
      }
      faults.check = check
      return lasting(forMs, () => {
        if (faults.check === check) faults.check = calmCheck
        if (node.offline.has(failing)) cluster.kill(node)
        if (node.end === undefined) cluster.start(node)
      })
    },
  }
}
