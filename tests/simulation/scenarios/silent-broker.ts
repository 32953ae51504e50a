import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'M6, KIP-631: a broker falls silent, and then the controller changes. The new one has never heard ' +
    'that broker, and fences it all the same when a session is over.',
  script: quietScript(43, { controllers: 3 }),
  async play(stage) {
    const broker = stage.node('leader of first-0')
    const controller = stage.node('controller')
    stage.act({ do: 'isolate', node: broker.id, forMs: 20_000 })
    stage.act({ do: 'kill', node: controller.id, forMs: 40_000 })
    await stage.until('scenario', 'another controller leads', 10_000, () => stage.ledEpoch() > 1)
    await stage.until('M6', 'it is fenced', 16_000, () => !stage.isUnfenced(broker))
    await stage.within(35_000, 'its partition goes on', stage.send(['after']))
  },
}
