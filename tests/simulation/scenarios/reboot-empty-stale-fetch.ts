import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'KIP-903: a follower outside the ISR comes back with an empty log; a fetch of its former life arrives ' +
    'late at a leader that knows neither. It asks for a member that is gone: the controller refuses.',
  script: quietScript(48, { controllers: 3, config: { 'replica.lag.time.max.ms': '1000' } }),
  async play(stage) {
    const { cluster, checker } = stage
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    const leader = stage.node('leader of first-0')
    const follower = cluster.nodes.find(({ id, isBroker }) => isBroker && id !== leader.id)!
    const late: (() => void)[] = []
    let isFirstLife = true
    let isLeaderBlind = false
    stage.intercept(({ from, to, what, deliver }) => {
      if (isLeaderBlind && to === leader.id && what === 'Fetch.metadata answer') return true
      if (from !== follower.id || to !== leader.id || what !== 'Fetch') return false
      checker.logs.refresh()
      if (isFirstLife && stage.entries(follower).length < 2) return false
      if (isFirstLife) late.push(deliver)
      return true
    })
    // Its next fetch would say that it has this one, too: that is the late one.
    stage.send(['last']).catch(stage.fail)
    const isMember = () => stage.partition().isr.includes(follower.id)
    await stage.until('scenario', 'it leaves the ISR', 3_000, () => !isMember())
    stage.require(late.length > 0, 'its fetch is on its way', {})
    await stage.pass(10)
    isLeaderBlind = true
    isFirstLife = false
    stage.cutPower(follower, 'lost')
    stage.require(stage.entries(follower).length === 0, 'nothing is left on its disk', {})
    stage.start(follower)
    await stage.until('scenario', 'it is back', 2_000, () => stage.isUnfenced(follower))
    const row = stage.row(leader)
    const known = leader.parts!.loader.image().brokers().get(follower.id)!.epoch
    const now = cluster.newestImage()!.brokers().get(follower.id)!.epoch
    stage.require(known < now, 'the leader does not know that it is another one', { known, now })
    let asked = 0
    stage.scheduler.onStep(() => {
      if (row.context.proposedIsr.includes(follower.id)) asked++
    })
    late[0]!()
    await stage.pass(1_000)
    stage.require(asked > 0, 'the leader asks for it', { followers: row.followers })
    stage.require(!isMember(), 'it is in no ISR, empty as it is', {})
    stage.intercept(() => false)
    const isBack = () => isMember() && stage.entries(follower).length === 2
    await stage.until('scenario', 'it joins once it has all', 10_000, isBack)
  },
}
