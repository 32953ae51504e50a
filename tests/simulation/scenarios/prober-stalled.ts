import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'Decision 15, M6: the active controller, which probes the brokers, stands still, once while ' +
    'the server of the links goes away as well: nobody alive is fenced when it goes on.',
  script: quietScript(13),
  async play(stage) {
    for (const forMs of [150, 400, 1_000, 3_000]) {
      stage.act({ do: 'pause', node: 'controller', forMs })
      await stage.pass(forMs + 5_000)
    }
    stage.act({ do: 'pause', node: 'controller', forMs: 1_500 })
    await stage.pass(100)
    stage.act({ do: 'serverRestart', forMs: 1_000 })
    await stage.pass(12_000)
    stage.require(stage.fencings().length === 0, 'nobody is fenced', { of: stage.fencings() })
  },
}
