/**
 * What disks do wrong. A node ends when the log directory with its metadata fails; one that has others
 * goes on with those (S8), and gets the failed one back with its next life.
 */
import { flipBit } from './bit-flip.ts'
import type { SimNode } from './cluster.ts'
import { DiskError } from './disk.ts'
import type { FaultPorts, Performed } from './faults.ts'
import type { Target } from './script.ts'
import { Violation } from './violation.ts'

export type DiskFaultPorts = FaultPorts & {
  find(target: Target): SimNode | undefined
  /** Whether its disk may lose what it has. */
  mayLose(node: SimNode): boolean
  lasting(ms: number, end: () => void): true
  startLater(node: SimNode, ms: number): true
}

type DiskFaultName = 'wipe' | 'replaceDirectory' | 'bitFlip' | 'diskError'

/** Between a call that failed and what must come of it, at most; a loop may stand still besides. */
const strickenMs = 10_000

export function createDiskFaults(ports: DiskFaultPorts): Pick<Performed, DiskFaultName> {
  const { scheduler, trace, cluster, checker, fail, find, mayLose, lasting, startLater } = ports

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
    bitFlip({ node: target, seed, forMs }) {
      const node = find(target)
      if (node?.end === undefined || !mayLose(node)) return false
      cluster.kill(node)
      node.isSuspect = true
      trace.note('bit flip', { node: node.id, ...flipBit(node, checker, seed) })
      checker.lost(node.id)
      return startLater(node, forMs)
    },
    diskError({ node: target, directory, operation, code, share, forMs }) {
      const node = find(target)
      if (node === undefined) return false
      const { faults } = node.disk
      const { path: failing } = node.directories[directory % node.directories.length]!
      const check: typeof faults.check = (called, path) => {
        if (called !== operation || !(path === failing || path.startsWith(`${failing}/`))) return
        const { end } = node
        if (end !== undefined && !node.isStricken && !node.offline.has(failing)) {
          trace.note('disk error', { node: node.id, operation, code, path })
          if (failing === node.directory) strike(node, end, operation)
          else setOffline(node, end, failing, operation)
        }
        throw new DiskError(code, path, share)
      }
      faults.check = check
      return lasting(forMs, () => {
        if (faults.check === check) faults.check = () => {}
        if (node.offline.has(failing)) cluster.kill(node)
        if (node.end === undefined) cluster.start(node)
      })
    },
  }
}
