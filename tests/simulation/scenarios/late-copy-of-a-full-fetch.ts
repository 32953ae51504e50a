import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'Seed 850002263, N1: the Fetch with which a follower begins a session comes again when that session ' +
    'has long gone on. The leader goes on believing what the session told: nobody writes, and the ' +
    'follower joins the ISR, and stays in it.',
  script: quietScript(86, { replicas: [1, 2, 3] }),
  async play(stage) {
    const { cluster, scheduler } = stage
    const [leader, follower] = [cluster.node(1), cluster.node(3)]
    let copies = 0
    stage.intercept(({ from, to, what, deliver }) => {
      if (what !== 'Fetch' || from !== follower.id || to !== leader.id || copies > 0) return false
      copies++
      deliver()
      scheduler.after(1_500, deliver)
      return true
    })
    for (const value of ['one', 'two', 'three']) {
      const sent = await stage.within(9_000, 'it is answered', stage.send([value]))
      stage.require(sent.acked, 'it is acknowledged', sent)
    }
    stage.act({ do: 'powerCut', node: follower.id, forMs: 12_000 })
    await stage.pass(11_000)
    stage.require(!stage.partition().isr.includes(follower.id), 'it left', stage.partition())
    copies = 0
    const isBack = () => stage.partition().isr.includes(follower.id)
    await stage.until('L2', 'it joins the ISR', 12_000, isBack, () => stage.partition())
    stage.require(copies === 1, 'its first fetch was repeated', { copies })
    await stage.pass(60_000)
    stage.require(isBack(), 'it stays', stage.partition())
  },
}
