import { quietScript, type Scenario } from '../stage.ts'

const name = 'first-0'

export const scenario: Scenario = {
  lesson:
    'flush.messages=1: what acks=all acknowledged is synced by each of the ISR, whoever of them is ' +
    'slow at it. All lose their power at once, and nothing of it is lost.',
  script: quietScript(29, { config: { 'log.flush.interval.messages': '1' } }),
  async play(stage) {
    const { checker, cluster } = stage
    await stage.within(5_000, 'it takes records', stage.send(['first']))
    const state = () => cluster.newestImage()!.topicByName('first')!.partition(0)!
    const leader = cluster.node(state().leader)
    const follower = cluster.node(state().isr.find((id) => id !== leader.id)!)
    const acked: number[] = []
    for (const slow of [leader, follower]) {
      stage.act({ do: 'slowSync', node: slow.id, syncMs: 150, forMs: 4_000 })
      const sending = Array.from({ length: 20 }, async (_, index) => {
        await stage.pass(index * 30)
        const outcome = await stage.send([`${slow.id}-${index}`])
        stage.require(outcome.acked, 'it is acknowledged')
        const baseOffset = outcome.acked ? outcome.baseOffset : -1
        acked.push(baseOffset)
        for (const id of state().isr) {
          const entry = checker.logs.entryAt(id, name, baseOffset)
          const isDurable = entry !== undefined && checker.logs.isDurable(id, entry)
          stage.require(isDurable, 'each of the ISR has synced it', { id, baseOffset })
        }
      })
      await stage.within(20_000, 'all are sent', Promise.all(sending))
      await stage.pass(4_000)
    }
    for (const node of cluster.nodes) {
      cluster.powerCut(node)
      checker.logs.forget(node.id)
    }
    for (const node of cluster.nodes) cluster.start(node)
    await stage.until('scenario', 'all are back', 30_000, () =>
      cluster.nodes.every((node) => stage.isUnfenced(node)),
    )
    await stage.within(20_000, 'it takes records again', stage.send(['after']))
    for (const baseOffset of acked) {
      const isThere = cluster.nodes.some(
        ({ id }) => checker.logs.entryAt(id, name, baseOffset) !== undefined,
      )
      stage.require(isThere, 'what was acknowledged survives', { baseOffset })
    }
  },
}
