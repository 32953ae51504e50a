import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'P14: a leader whose epoch reached nobody is deposed, and returns. With the batches of its epoch ' +
    'the epoch leaves its table: it would ask by it for ever, and be told to cut again.',
  script: quietScript(41, { controllers: 3 }),
  async play(stage) {
    const { cluster, checker } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const state = () => cluster.newestImage()!.topicByName('first')!.partition(0)!
    const first = stage.node('leader of first-0')
    let isSilent = true
    stage.intercept(({ from, to, what }) => isSilent && what === 'Fetch' && from <= 3 && to <= 3)
    stage.act({ do: 'kill', node: first.id, forMs: 10_000 })
    const hasNext = () => state().leader !== first.id && state().leader > 0
    await stage.until('scenario', 'another leads', 15_000, hasNext)
    const deposed = stage.node('leader of first-0')
    const { leaderEpoch } = state()
    const sent = stage.send(['nobody has it'])
    const last = () => checker.logs.view(deposed.id, 'first-0')?.entries.at(-1)
    const isAppended = () => last()?.epoch === leaderEpoch
    await stage.until('scenario', 'it appends in its epoch', 5_000, isAppended)
    stage.act({ do: 'kill', node: deposed.id, forMs: 10_000 })
    const isDeposed = () => state().leaderEpoch > leaderEpoch && state().leader > 0
    await stage.until('scenario', 'the third one leads', 15_000, isDeposed)
    isSilent = false
    await stage.until('L2', 'the deposed follows', 20_000, () => state().isr.includes(deposed.id))
    await stage.within(40_000, 'the record is sent again, or given up', sent)
  },
}
