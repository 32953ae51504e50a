import { quietScript, type Scenario } from '../stage.ts'

const sessionMs = 9_000

export const scenario: Scenario = {
  lesson:
    'KAFKA-18138, M6: the active controller dies, and in the same tick one broker dies and one falls silent. ' +
    'Both are fenced within a session of the activation of the next one, and nobody else is.',
  script: quietScript(64, { brokers: 4, controllers: 3 }),
  async play(stage) {
    const { cluster, scheduler } = stage
    const [dead, silent] = [cluster.node(1), cluster.node(2)]
    for (let round = 0; round < 3; round++) {
      const seen = stage.fencings().length
      const epoch = stage.ledEpoch()
      const { id: controller } = stage.node('controller')
      stage.act({ do: 'kill', node: dead.id, forMs: 20_000 })
      stage.act({ do: 'pause', node: silent.id, forMs: 20_000 })
      stage.act({ do: 'kill', node: controller, forMs: 20_000 })
      const isActive = () =>
        cluster.nodes.some(({ parts }) => {
          const led = parts?.quorum.rpc.leadership()?.epoch ?? -1
          return led > epoch && parts!.controller!.isActive()
        })
      await stage.until('scenario', 'another one is active', 12_000, isActive)
      const activeAt = scheduler.now()
      await stage.pass(sessionMs + 1_000)
      const fenced = stage.fencings().slice(seen)
      const ids = fenced.map(({ id }) => id).sort()
      stage.require(ids.join() === `${dead.id},${silent.id}`, 'both are fenced, nobody else', {
        round,
        fenced,
      })
      const late = fenced.filter(({ ms }) => ms - activeAt > sessionMs + 200)
      stage.require(late.length === 0, 'within a session', { activeAt, fenced })
      await stage.pass(12_000)
      const areBack = () => stage.isUnfenced(dead) && stage.isUnfenced(silent)
      await stage.until('scenario', 'they are back', 20_000, areBack)
    }
  },
}
