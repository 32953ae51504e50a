/** W5: connections on which nothing moves end in time (`connections.max.idle.ms`), half a request or none. */
import { sweepEveryMs } from '../../transport/tcp/idle-sweep.ts'
import type { SimCluster } from './cluster.ts'
import { must } from './violation.ts'

export function checkIdle({ nodes, sockets }: SimCluster) {
  /** Nodes that had such a connection when last looked at: one that was asleep has yet to look. */
  const late = new Set<number>()

  return {
    sometimes(): void {
      for (const { id, machine } of nodes) {
        const found = machine.isPaused() ? undefined : sockets.idlest(id)
        const { idleMs = 0, idleMsMax = -1 } = found ?? {}
        const isLate = idleMsMax >= 0 && idleMs > idleMsMax + sweepEveryMs(idleMsMax) + 1
        must(!(isLate && late.has(id)), 'W5', 'idle connections are closed', () => ({
          node: id,
          idleMs,
          idleMsMax,
        }))
        if (isLate) late.add(id)
        else late.delete(id)
      }
    },
  }
}
