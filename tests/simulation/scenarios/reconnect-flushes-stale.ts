import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'N3: the server of the links is gone for 8 s and for 60 s while a leader is elected. Votes that were ' +
    'published before anybody noticed leave with the reconnect: they are too old, and are dropped. ' +
    'All nodes come back.',
  script: quietScript(51, { controllers: 3, nats: { maxPayload: 1024 * 1024 } }),
  async play(stage) {
    const { cluster } = stage
    const { network, nodes } = cluster
    const { reconnectMs } = network
    const dropped = () => nodes.reduce((sum, { id }) => sum + network.dropped(id).stale, 0)
    for (const awayMs of [8_000, 60_000]) {
      const former = stage.node('controller')
      const epoch = stage.ledEpoch()
      let isAway = false
      stage.intercept(({ what, from }) => {
        if (what !== 'Vote' || isAway) return false
        isAway = true
        network.serverDown()
        // What is flushed before the others are back finds nobody.
        network.reconnectMs = (id) => reconnectMs(id) + (id === from ? 100 : 0)
        return false
      })
      stage.act({ do: 'kill', node: former.id, forMs: awayMs + 8_000 })
      await stage.until('scenario', 'votes are asked for', 10_000, () => isAway)
      await stage.pass(awayMs)
      const isVacant = !nodes.some(
        ({ parts }) => (parts?.quorum.rpc.leadership()?.epoch ?? -1) > epoch,
      )
      stage.require(isVacant, 'nobody is elected meanwhile', { awayMs })
      const before = dropped()
      network.serverUp()
      await stage.until('N3', 'stale votes are dropped', 1_000, () => dropped() > before)
      await stage.until('L1', 'somebody leads', 15_000, () => stage.ledEpoch() > epoch)
      const areBack = () => nodes.every((node) => !node.isBroker || stage.isUnfenced(node))
      network.reconnectMs = reconnectMs
      await stage.until('N3', 'all nodes come back', 20_000, areBack)
      const { acked } = await stage.within(20_000, 'records are taken', stage.send([`${awayMs}`]))
      stage.require(acked, 'as ever', { awayMs })
      await stage.pass(12_000)
    }
  },
}
