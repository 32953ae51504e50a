import { quietScript, type Scenario } from '../stage.ts'

const script = quietScript(32, { controllers: 3 })
script.workload.producers.push({ name: 'content-with-one', acks: 1, inFlightMax: 1 })

export const scenario: Scenario = {
  lesson:
    'P8, P16, KIP-966: a leader that is left alone in its ISR, below min.insync.replicas, stores what ' +
    'wants one replica only. It commits nothing until a second one is back: then it is read.',
  script,
  async play(stage) {
    const { cluster } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const leader = stage.node('leader of first-0')
    const row = [...leader.parts!.broker!.host.replicas.rows()].find((of) => of.topic === 'first')!
    for (const id of [1, 2, 3]) {
      if (id !== leader.id) stage.act({ do: 'kill', node: id, forMs: 20_000 })
    }
    const isAlone = () => row.context.isr.length === 1
    await stage.until('scenario', 'the others leave its ISR', 15_000, isAlone)
    const committed = row.highWatermark
    for (const value of ['one', 'two', 'three']) {
      const sent = stage.clients.send('content-with-one', 'first', 0, [value])
      const { acked } = await stage.within(5_000, 'it is stored', sent)
      stage.require(acked, 'one replica is enough for it', { value })
      stage.require(row.highWatermark === committed, 'nothing is committed', { value, committed })
    }
    const end = row.log!.endOffset()
    const isCommitted = () => row.highWatermark >= end
    await stage.until('scenario', 'all is committed with a second one', 30_000, isCommitted)
    stage.require(row.role === 'leader' && cluster.node(leader.id).lives === 1, 'by the same one')
  },
}
