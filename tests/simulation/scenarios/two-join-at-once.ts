import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'P8, KIP-497, KIP-966: two replicas have caught up, the ISR is asked to take the first and the ' +
    'answer is late. The high watermark waits for both: who is about to join lacks nothing.',
  script: quietScript(33, { controllers: 3, config: { 'min.insync.replicas': '1' } }),
  async play(stage) {
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const leader = stage.node('leader of first-0')
    const row = [...leader.parts!.broker!.host.replicas.rows()].find((of) => of.topic === 'first')!
    const others = [1, 2, 3].filter((id) => id !== leader.id)
    for (const id of others) stage.act({ do: 'kill', node: id, forMs: 15_000 })
    const isAlone = () => row.context.isr.length === 1
    await stage.until('scenario', 'the others leave its ISR', 14_000, isAlone)
    let held: (() => void)[] | undefined = []
    let silent: number | undefined
    stage.intercept(({ from, to, what, deliver }) => {
      const isIt = from === silent && to === leader.id && what === 'Fetch'
      if (held === undefined || (what !== 'AlterPartition' && !isIt)) return false
      held.push(deliver)
      return true
    })
    const end = () => row.log!.endOffset()
    const areBack = () =>
      row.followers.every(({ logEndOffset }) => logEndOffset === end()) &&
      row.context.proposedIsr !== row.context.isr
    await stage.until('scenario', 'both have caught up, one is asked for', 20_000, areBack)
    silent = others.find((id) => !row.context.proposedIsr.includes(id))
    stage.require(silent !== undefined, 'the other one is not', { context: row.context })
    const before = row.highWatermark
    const sent = stage.send(['between'])
    const has = (id: number) => row.followers.find((of) => of.id === id)!.logEndOffset === end()
    const isFetched = () => end() > before && others.some((id) => id !== silent && has(id))
    await stage.until('scenario', 'the first one has the next record', 5_000, isFetched)
    await stage.pass(1_000)
    stage.require(!has(silent!), 'the second one does not', { silent })
    stage.require(row.highWatermark === before, 'it is not committed', { before })
    const late = held
    held = undefined
    for (const deliver of late) deliver()
    const { acked } = await stage.within(20_000, 'it is answered', sent)
    stage.require(acked, 'it is acknowledged', {})
  },
}
