import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KIP-497: the answer to an ISR expansion is late by five seconds, the leader hears of it by no ' +
    'other way, and takes records meanwhile. The joiner is elected, and nothing acknowledged is missing.',
  script: quietScript(42, {
    controllers: 3,
    replicas: [1, 2],
    // The joiner stays silent for longer: it is counted because it was asked for, not as caught up.
    config: { 'min.insync.replicas': '1', 'replica.lag.time.max.ms': '3000' },
  }),
  async play(stage) {
    const { cluster } = stage
    const [leader, joiner] = [cluster.node(1), cluster.node(2)]
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    stage.act({ do: 'kill', node: joiner.id, forMs: 12_000 })
    const isr = () => stage.partition().isr.join()
    await stage.until('scenario', 'the other leaves the ISR', 12_000, () => isr() === '1')
    await stage.within(5_000, 'one replica is enough', stage.send(['alone']))
    let isPending = false
    stage.intercept(({ from, to, what }) => {
      isPending ||= what === 'AlterPartition' && from === leader.id
      if (!isPending) return false
      const isNews = what === 'AlterPartition answer' || what === 'Fetch.metadata answer'
      if (isNews && to === leader.id) return true
      return what === 'Fetch' && from === joiner.id
    })
    await stage.until('scenario', 'it is back in the ISR', 25_000, () => isr() === '1,2')
    const row = stage.row(leader)
    const { highWatermark } = row
    const sent = ['one', 'two', 'three'].map((value) => stage.send([value]))
    await stage.pass(5_000)
    stage.require(stage.entries(leader).length === 5, 'the leader stores them', {})
    stage.require(row.context.isr.join() === '1', 'it does not know that the ISR is larger', {})
    stage.require(row.highWatermark === highWatermark, 'they are not committed', { highWatermark })
    stage.act({ do: 'kill', node: leader.id, forMs: 10_000 })
    stage.intercept(() => false)
    const leads = () => stage.partition().leader === joiner.id
    await stage.until('scenario', 'the joiner leads', 12_000, leads)
    const outcomes = await stage.within(28_000, 'they are answered', Promise.all(sent))
    stage.require(
      outcomes.every(({ acked }) => acked),
      'they are acknowledged by the joiner',
      { outcomes },
    )
  },
}
