/**
 * What each node makes of what its quorum replica tells it: M3. One whose image stays behind could not apply
 * a record: it has to end. Until then its snapshots are held against a replay, as all are (M2).
 */
import type { NodeParts } from '../../runtime/node.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import { must } from './violation.ts'

export type ApplyChecker = {
  /** A node is put together, and starts now. */
  starting(parts: NodeParts): void
  sometimes(): void
}

type Told = { next: number; behindSince: number | undefined }

/** Between a record that cannot be applied and the node's end; a snapshot is loaded in slices. */
const behindMsMax = 2_000

export function checkApplied(cluster: SimCluster, nowMs: () => number): ApplyChecker {
  const told = new WeakMap<NodeParts, Told>()

  function check(node: SimNode, parts: NodeParts, of: Told): void {
    const { offset } = parts.loader.image()
    const isBehind = offset < of.next - 1 && !node.machine.isPaused()
    of.behindSince = isBehind ? (of.behindSince ?? nowMs()) : undefined
    const { behindSince } = of
    const isOver = behindSince !== undefined && nowMs() - behindSince >= behindMsMax
    must(!isOver, 'M3', 'a node that cannot apply a record ends', () => ({
      node: node.id,
      offset,
      told: of.next - 1,
    }))
  }

  return {
    starting(parts) {
      const of: Told = { next: 0, behindSince: undefined }
      told.set(parts, of)
      parts.quorum.listen({
        handleCommit({ lastOffset }) {
          of.next = lastOffset + 1
        },
        handleLoadSnapshot({ lastContainedOffset }) {
          of.next = lastContainedOffset + 1
          return undefined
        },
        handleLeaderChange() {},
      })
    },
    sometimes() {
      for (const node of cluster.nodes) {
        const of = node.parts && told.get(node.parts)
        if (of !== undefined) check(node, node.parts!, of)
      }
    },
  }
}
