import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'N6, N7: a broker is killed and back before its death is believed: it need not wait for the ' +
    'session of its predecessor to end, and the verdict on that one does not touch it.',
  script: quietScript(12),
  async play(stage) {
    const { cluster, scheduler } = stage
    const sending = stage.keepSending(50)
    for (const [id, forMs] of [
      [1, 5],
      [2, 60],
      [3, 150],
      [1, 190],
    ] as const) {
      const node = cluster.node(id)
      stage.act({ do: 'kill', node: id, forMs })
      await stage.pass(forMs + 1)
      const isBack = () => stage.isUnfenced(node)
      await stage.until('scenario', 'it is unfenced before a session is over', 6_000, isBack)
      const backAt = scheduler.now()
      await stage.pass(12_000)
      const fenced = stage.fencings().filter(({ ms, id: who }) => ms >= backAt && who === id)
      stage.require(fenced.length === 0, 'it stays unfenced', { id, forMs, fenced })
    }
    sending.stop()
  },
}
