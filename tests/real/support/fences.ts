/** Which brokers the controllers of a cluster fenced, by their log lines, over all restarts. */
import * as assert from 'uvu/assert'
import type { ProcessCluster } from './clusters.ts'
import type { Program } from './processes.ts'

export type Watch = {
  /** How often each broker was fenced, by id. */
  fences(): Map<number, number>
  /** Each line of all nodes that holds this message. */
  told(message: string): Record<string, unknown>[]
  /** This broker was silent for longer than its session. */
  expectFence(id: number): void
  /** A broker may be fenced once for each time that it was killed or stopped, and never otherwise. */
  assertNoFalseFence(): void
}

export function watchFences(cluster: ProcessCluster): Watch {
  const programs = new Set<Program>()
  const ended = new Map<number, number>()
  for (const node of cluster.nodes) {
    const { start, kill, stop } = node
    const note = () => {
      if (node.program !== undefined) programs.add(node.program)
    }
    const ends = () => ended.set(node.id, (ended.get(node.id) ?? 0) + 1)
    note()
    node.start = () => {
      start()
      note()
    }
    node.kill = () => {
      ends()
      return kill()
    }
    node.stop = () => {
      ends()
      return stop()
    }
  }

  function told(message: string): Record<string, unknown>[] {
    return [...programs].flatMap(({ lines, errors }) =>
      [...lines, ...errors]
        .filter((line) => line.startsWith('{') && line.includes(`"msg":"${message}"`))
        .map((line) => JSON.parse(line)),
    )
  }

  function fences(): Map<number, number> {
    const counts = new Map<number, number>()
    const seen = new Set<string>()
    for (const { brokerId, brokerEpoch, fenced } of told('broker registration changed')) {
      if (fenced !== 1 || seen.has(`${brokerId} ${brokerEpoch}`)) continue
      seen.add(`${brokerId} ${brokerEpoch}`)
      counts.set(Number(brokerId), (counts.get(Number(brokerId)) ?? 0) + 1)
    }
    return counts
  }

  return {
    fences,
    told,
    expectFence: (id) => void ended.set(id, (ended.get(id) ?? 0) + 1),
    assertNoFalseFence() {
      for (const [id, count] of fences()) {
        assert.ok(count <= (ended.get(id) ?? 0), `broker ${id} was fenced ${count} times`)
      }
    },
  }
}

/** Who leads the quorum, by the log lines: the newest epoch counts. */
export function activeController({ told }: Watch): { id: number; epoch: number } {
  const terms = told('controller is active').map(({ node, epoch }) => ({
    id: Number(node),
    epoch: Number(epoch),
  }))
  return terms.reduce((newest, term) => (term.epoch > newest.epoch ? term : newest), {
    id: -1,
    epoch: -1,
  })
}
