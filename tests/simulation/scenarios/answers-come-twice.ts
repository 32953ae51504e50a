import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'N1, N2: each answer of one node to another comes a second time, when nobody waits for it any more, ' +
    'or when who asked has begun another life: it is dropped and counted, and changes nothing.',
  script: quietScript(57, { controllers: 3, nats: { maxPayload: 1024 * 1024 } }),
  async play(stage) {
    const { checker, cluster, scheduler } = stage
    const { network, nodes } = cluster
    let repeated = 0
    stage.intercept(({ what, deliver }) => {
      if (!what.endsWith(' answer')) return false
      deliver()
      scheduler.after(20 + (repeated++ % 5) * 100, deliver)
      return true
    })
    const unasked = () => nodes.reduce((sum, { id }) => sum + network.dropped(id).unasked, 0)
    const [before, changes] = [unasked(), checker.partitions.isrChanges()]
    const sending = stage.keepSending(50)
    await stage.pass(10_000)
    const due = repeated
    await stage.pass(1_000)
    const dropped = unasked() - before
    stage.require(due > 500 && dropped >= due, 'each is dropped and counted', { due, dropped })
    stage.require(sending.acked() > 180, 'records are taken', { acked: sending.acked() })
    const changed = checker.partitions.isrChanges() - changes
    stage.require(changed <= 1, 'the ISR does not change', { changed })
    const again = stage.node('leader of first-0')
    stage.act({ do: 'kill', node: again.id, forMs: 50 })
    await stage.pass(10_000)
    sending.stop()
    await stage.until('L1', 'who lives again serves', 10_000, () => stage.isUnfenced(again))
  },
}
