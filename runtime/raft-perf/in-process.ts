/** Three voters in this process, over the in-memory link. */
import { memoryNetwork } from '../../transport/links/memory.ts'
import { systemClock } from '../clock.ts'
import type { NodeConfig } from '../config/config.ts'
import type { LoadPlan } from './load.ts'
import type { PerfQuorum } from './quorum.ts'
import { startVoter } from './voter.ts'

export async function startInProcess(
  { nodes, clusterId }: { nodes: NodeConfig[]; clusterId: string },
  plan: LoadPlan,
): Promise<PerfQuorum> {
  const network = memoryNetwork({ clock: systemClock })
  let fail: (why: Error) => void = () => {}
  const failed = new Promise<Error>((resolve) => {
    fail = resolve
  })
  const voters = await Promise.all(
    nodes.map((node) =>
      startVoter({
        node,
        plan,
        link: (self, onHandlerError) => network.link({ clusterId, self, onHandlerError }),
        halt: (why) => fail(why instanceof Error ? why : new Error(String(why))),
      }),
    ),
  )
  let began = process.cpuUsage()
  return {
    pids: [process.pid],
    failed,
    async begin() {
      began = process.cpuUsage()
      for (const voter of voters) voter.begin()
    },
    async figures() {
      const figures = voters.map((voter) => voter.figures()).find((told) => told !== undefined)
      const { user, system } = process.cpuUsage(began)
      return figures && { ...figures, cpuSeconds: (user + system) / 1e6 }
    },
    async close() {
      await Promise.all(voters.map((voter) => voter.close()))
    },
  }
}
