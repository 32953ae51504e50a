import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'N7: the server of the links restarts, quickly or within a session: nobody alive is fenced.',
  script: quietScript(11),
  async play(stage) {
    const sending = stage.keepSending(50)
    for (const forMs of [20, 300, 1_500, 5_000]) {
      const before = sending.acked()
      stage.act({ do: 'serverRestart', forMs })
      await stage.pass(forMs + 6_000)
      stage.require(sending.acked() > before, 'records are taken again', { forMs })
    }
    await stage.pass(10_000)
    sending.stop()
    stage.require(stage.fencings().length === 0, 'nobody is fenced', { of: stage.fencings() })
  },
}
