import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'P19, KIP-455: two of three replicas are down, and the third is to go for a fourth one. When that has ' +
    'caught up the old one stays in the ISR, until one of the two is back.',
  script: quietScript(44, { brokers: 4, controllers: 3, replicas: [1, 2, 3] }),
  async play(stage) {
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const state = () => stage.cluster.newestImage()!.topicByName('first')!.partition(0)!
    for (const node of [2, 3]) stage.act({ do: 'kill', node, forMs: 25_000 })
    await stage.until('scenario', 'one is left', 15_000, () => state().isr.length === 1)
    stage.act({ do: 'reassign', topic: 'first', partition: 0, replicas: [4, 2, 3] })
    await stage.until('scenario', 'the new one is in sync', 8_000, () => state().isr.includes(4))
    const { isr, replicas } = state()
    stage.require(isr.length > 1 && replicas.includes(1), 'the old one stays', { isr, replicas })
    const isOver = () => state().replicas.join() === '4,2,3'
    await stage.until('P19', 'the reassignment ends', 40_000, isOver)
    await stage.within(10_000, 'its partition goes on', stage.send(['after']))
  },
}
