import { quietScript, type Scenario } from '../stage.ts'

const name = 'first-0'

export const scenario: Scenario = {
  lesson:
    'KIP-101: a follower holds record m, and a high watermark from before m. The leader dies, it ' +
    'leads, dies and restarts: it cuts nothing above its high watermark, and m survives.',
  script: quietScript(21, {
    controllers: 3,
    replicas: [1, 2],
    config: { 'min.insync.replicas': '1' },
  }),
  async play(stage) {
    const { checker, cluster, scheduler } = stage
    const [leader, follower] = [cluster.node(1), cluster.node(2)]
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    await stage.pass(1_000)
    const isThere = (id: number, base: number) => checker.logs.entryAt(id, name, base) !== undefined
    // Its answer is the last that the follower gets: it never learns that m is committed.
    stage.intercept(
      ({ from, to, what }) =>
        what === 'Fetch answer' && from === leader.id && to === follower.id && isThere(2, 1),
    )
    const outcome = await stage.within(5_000, 'm is acknowledged', stage.send(['m']))
    stage.require(outcome.acked && outcome.baseOffset === 1, 'm stands behind', { outcome })
    let cut: number | undefined
    scheduler.onStep(() => {
      if (cut === undefined && !isThere(follower.id, 1)) cut = scheduler.now()
    })
    stage.act({ do: 'kill', node: leader.id, forMs: 20_000 })
    const leads = () =>
      cluster.newestImage()?.topicByName('first')?.partition(0)?.leader === follower.id
    await stage.until('scenario', 'the follower leads', 12_000, leads)
    stage.act({ do: 'kill', node: follower.id, forMs: 1_500 })
    await stage.pass(1_000)
    await stage.until(
      'scenario',
      'it leads again',
      12_000,
      () => leads() && stage.isUnfenced(follower),
    )
    await stage.within(10_000, 'it takes records', stage.send(['after']))
    stage.intercept(() => false)
    await stage.pass(25_000)
    stage.require(cut === undefined, 'the follower always has m', { cut })
    stage.require(isThere(leader.id, 1), 'so has the former leader')
  },
}
