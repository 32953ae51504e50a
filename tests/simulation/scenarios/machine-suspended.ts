import { quietScript, type Scenario } from '../stage.ts'

const suspendedMs = 12_000
/** A clock has to go on, if only just. */
const almostNot = 1e-6

export const scenario: Scenario = {
  lesson:
    'N7: the machine of a broker, then of a voter, is suspended for 12 s, and its monotonic clock with it. ' +
    'What it sends from then on looks 12 s old to who heard it before: it is taken all the same, and ' +
    'the node is back at once.',
  script: quietScript(61, { controllers: 3, nats: { maxPayload: 1024 * 1024 } }),
  async play(stage) {
    const { scheduler, cluster } = stage
    const voter = cluster.nodes.find(
      (node) => node.isController && node !== stage.node('controller'),
    )!
    for (const node of [cluster.node(1), voter]) {
      await stage.pass(5_000)
      node.machine.setRate(almostNot)
      // Its clock goes on before it does.
      node.machine.pauseUntil(scheduler.now() + suspendedMs + 1)
      await stage.pass(suspendedMs)
      node.machine.setRate(1)
      const before = cluster.newestImage()!.offset
      await stage.until('N7', 'it is back', 5_000, () => {
        const isBack = (node.parts?.loader.image().offset ?? -1) >= before
        return isBack && (!node.isBroker || stage.isUnfenced(node))
      })
      const { acked } = await stage.within(5_000, 'records are taken', stage.send([`${node.id}`]))
      stage.require(acked, 'as ever')
    }
  },
}
