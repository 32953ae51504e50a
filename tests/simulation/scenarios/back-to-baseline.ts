import { quietScript, type Scenario, type Stage } from '../stage.ts'

const brokers = [1, 2, 3]
const script = quietScript(56, { partitions: 4 })

const sumOf = ({ cluster }: Stage, of: (node: Stage['cluster']['nodes'][number]) => number) =>
  cluster.nodes.reduce((all, node) => all + of(node), 0)

/** Of all nodes together, since it is the same wherever leaders are; the most within some seconds. */
async function timersAtRest(stage: Stage): Promise<number> {
  let most = 0
  for (let look = 0; look < 40; look++) {
    await stage.pass(97)
    most = Math.max(
      most,
      sumOf(stage, ({ machine }) => machine.pendingTimers()),
    )
  }
  return most
}

/** Of each log the newest segment is read and written; the indexes beside it are in memory. */
function checkFiles(stage: Stage): void {
  for (const { id, disk } of stage.cluster.nodes) {
    const logs = [...disk.files()].filter((path) => path.endsWith('.log')).length
    const files = disk.openFiles()
    stage.require(files <= logs + 2, 'no more files are open than there are', { id, files, logs })
  }
}

export const scenario: Scenario = {
  lesson:
    'L7: nodes that lived through cuts, resets, a server that went, stranded groups and hostile clients ' +
    'hold, once all is healed, no more timers (each open request, waiter and chart has one) than nodes ' +
    'that just started, no file that is not theirs, and no connection whose client is gone.',
  script: {
    ...script,
    workload: { ...script.workload, groups: [{ id: 'readers', topic: 'first' }] },
  },
  async play(stage) {
    const { cluster } = stage
    const { sockets } = cluster
    const random = stage.random.fork('faults')
    const sending = stage.keepSending(100)
    for (let turn = 0; turn < 20; turn++) {
      const node = random.pick(brokers)
      const member = `member-${turn % 4}`
      stage.act({ do: 'joinGroup', group: 'readers', member })
      stage.act({ do: 'hostile', node, seed: turn, forMs: 500 })
      if (turn % 2 === 0) stage.act({ do: 'reset' })
      if (turn % 3 === 0) stage.act({ do: 'killMember', group: 'readers', member })
      if (turn % 4 === 1) stage.act({ do: 'isolate', node, forMs: 1_500 })
      if (turn % 5 === 2) stage.act({ do: 'clientCut', node, forMs: 1_000 })
      if (turn % 7 === 3) stage.act({ do: 'serverRestart', forMs: 300 })
      await stage.pass(2_000)
    }
    sending.stop()
    for (let each = 0; each < 4; each++) {
      stage.act({ do: 'leaveGroup', group: 'readers', member: `member-${each}` })
    }
    await stage.pass(60_000)
    const lived = await timersAtRest(stage)
    await stage.pass(60_000)
    const rested = await timersAtRest(stage)
    stage.trace.note('rested', { lived, rested })
    stage.require(rested <= lived + 12, 'no timers are added at rest', { lived, rested })
    checkFiles(stage)
    const connections = sumOf(stage, ({ id }) => sockets.connections(id))
    stage.require(connections <= sockets.held(), 'each connection has its client', {
      connections,
      held: sockets.held(),
    })
    for (const id of brokers) {
      const node = cluster.node(id)
      stage.act({ do: 'kill', node: id, forMs: 300 })
      await stage.pass(301)
      await stage.until('L1', 'it is back', 20_000, () => stage.isUnfenced(node))
      await stage.pass(3_000)
    }
    await stage.pass(30_000)
    const fresh = await timersAtRest(stage)
    const freshConnections = sumOf(stage, ({ id }) => sockets.connections(id))
    const told = { lived, fresh, connections, freshConnections }
    stage.trace.note('timers', told)
    const isBack = lived - connections <= fresh - freshConnections + 3
    stage.require(isBack, 'timers are given back', told)
  },
}
