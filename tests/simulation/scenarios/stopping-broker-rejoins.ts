import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KIP-841: a broker that is told to stop goes on fetching until all know that it leads nothing any more. ' +
    'It is not taken back into its ISRs meanwhile, and stops within five seconds.',
  script: quietScript(53, { controllers: 3, partitions: 3 }),
  async play(stage) {
    const { cluster, scheduler } = stage
    const stopping = cluster.node(2)
    const slow = cluster.node(3)
    const sending = stage.keepSending(20)
    await stage.pass(2_000)
    const { epoch } = cluster.newestImage()!.brokers().get(stopping.id)!
    let fetches = 0
    let back: object | undefined
    const state = () => cluster.newestImage()!.brokers().get(stopping.id)!
    stage.intercept(({ from, to, what, deliver }) => {
      if (from === stopping.id && what === 'Fetch' && state().inControlledShutdown) fetches++
      if (to !== slow.id || what !== 'Fetch.metadata answer') return false
      scheduler.after(400, deliver)
      return true
    })
    scheduler.onStep(() => {
      if (!state().inControlledShutdown || state().epoch !== epoch) return
      for (const index of [0, 1, 2]) {
        const partition = stage.partition('first', index)
        if (partition.isr.includes(stopping.id)) back ??= partition
      }
    })
    stage.act({ do: 'stop', node: stopping.id, forMs: 12_000 })
    await stage.until('scenario', 'it stops in five seconds', 5_000, () => !stopping.end)
    stage.require(fetches > 2, 'it fetched on', { fetches })
    stage.require(back === undefined, 'it is in no ISR again', { back })
    sending.stop()
  },
}
