import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'N7: all controllers find a broker dead; it comes back, and serves. When one of them takes over ' +
    'much later, its old verdict on that incarnation says nothing about the present one.',
  script: quietScript(34, { controllers: 3 }),
  async play(stage) {
    const { cluster, scheduler } = stage
    const broker = cluster.node(1)
    stage.act({ do: 'kill', node: broker.id, forMs: 8_000 })
    await stage.pass(8_001)
    await stage.until('scenario', 'it is back', 15_000, () => stage.isUnfenced(broker))
    const backAt = scheduler.now()
    for (let turn = 0; turn < 2; turn++) {
      const former = stage.ledEpoch()
      stage.act({ do: 'kill', node: 'controller', forMs: 10_000 })
      await stage.until('L1', 'the next one leads', 10_000, () => stage.ledEpoch() > former)
      await stage.pass(12_000)
    }
    const fenced = stage.fencings().filter(({ ms }) => ms >= backAt)
    stage.require(fenced.length === 0, 'nobody is fenced', { fenced })
  },
}
