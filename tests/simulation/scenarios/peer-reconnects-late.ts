import { quietScript, type Scenario } from '../stage.ts'

const lateMs = 5_000

export const scenario: Scenario = {
  lesson:
    'N7: after the server of the links restarted one broker comes back seconds after the others. ' +
    'Its subject has no responders meanwhile, and yet its session decides, which is not over.',
  script: quietScript(14, { controllers: 3 }),
  async play(stage) {
    const { network } = stage.cluster
    const { reconnectMs } = network
    const sending = stage.keepSending(50)
    for (const late of [1, 2, 3]) {
      network.reconnectMs = (id) => (id === late ? lateMs : reconnectMs(id))
      stage.act({ do: 'serverRestart', forMs: 200 })
      await stage.pass(lateMs + 10_000)
      stage.require(stage.fencings().length === 0, 'nobody is fenced', { of: stage.fencings() })
    }
    network.reconnectMs = reconnectMs
    sending.stop()
  },
}
