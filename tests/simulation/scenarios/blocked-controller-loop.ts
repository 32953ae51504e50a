import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KAFKA-15019: the loop of the active controller is blocked for 3 s during a huge creation: no ' +
    'live broker is fenced, and the topic is there or can be created then.',
  script: quietScript(19, { controllers: 1 }),
  async play(stage) {
    const created = stage.createTopic('huge', 500)
    await stage.pass(1)
    stage.act({ do: 'pause', node: 'controller', forMs: 3_000 })
    stage.require(await stage.within(9_000, 'it is answered', created), 'it is created')
    await stage.pass(12_000)
    stage.require(stage.fencings().length === 0, 'nobody is fenced', { of: stage.fencings() })
  },
}
