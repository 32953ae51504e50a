import { quietScript, type Scenario } from '../stage.ts'

const sessionMs = 9_000

export const scenario: Scenario = {
  lesson:
    'KAFKA-14392: the active controller falls silent with heartbeats on their way to it. Each broker’s next ' +
    'one reaches the new controller within half a session, and nobody is fenced.',
  script: quietScript(65, { controllers: 3 }),
  async play(stage) {
    const { cluster, scheduler } = stage
    const brokers = [1, 2, 3]
    for (const way of ['pause', 'isolate', 'kill'] as const) {
      await stage.pass(5_000)
      const former = stage.node('controller')
      const epoch = stage.ledEpoch()
      let active: { id: number; ms: number } | undefined
      const heard = new Map<number, number>()
      stage.intercept(({ from, to, what }) => {
        if (active === undefined) {
          const led = cluster.nodes.find(
            ({ parts }) => (parts?.quorum.rpc.leadership()?.epoch ?? -1) > epoch,
          )
          if (led?.parts?.controller?.isActive()) active = { id: led.id, ms: scheduler.now() }
        }
        const isFirst = what === 'BrokerHeartbeat answer' && from === active?.id && !heard.has(to)
        if (isFirst && brokers.includes(to)) heard.set(to, scheduler.now())
        return false
      })
      stage.act({ do: way, node: former.id, forMs: 15_000 })
      const isHeard = () => active !== undefined && heard.size === brokers.length
      await stage.until('scenario', 'each broker is heard', 20_000, isHeard)
      const waits = [...heard.values()].map((ms) => ms - active!.ms)
      stage.require(
        waits.every((ms) => ms <= sessionMs / 2),
        'within half a session',
        { way, waits },
      )
      await stage.pass(15_000)
    }
    stage.require(stage.fencings().length === 0, 'nobody is fenced', { of: stage.fencings() })
  },
}
