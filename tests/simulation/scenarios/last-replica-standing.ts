import { quietScript, type Scenario } from '../stage.ts'

const script = quietScript(66, {
  controllers: 3,
  replicas: [1, 2, 3],
  config: { 'unclean.leader.election.interval.ms': '1000' },
})
script.workload.producers.push({ name: 'content-with-one', acks: 1, inFlightMax: 1 })

export const scenario: Scenario = {
  lesson:
    'KIP-966, without eligible leader replicas: the ISR is the leader alone, it loses its disk and returns ' +
    'first. It does not lead, nor does anybody until an unclean election is allowed: then nothing is lost.',
  script,
  async play(stage) {
    const { cluster, checker } = stage
    const [last, ...others] = [1, 2, 3].map((id) => cluster.node(id))
    for (let index = 0; index < 5; index++) {
      await stage.within(5_000, 'it is acknowledged', stage.send([`before-${index}`]))
    }
    await stage.pass(1_000)
    for (const node of others) cluster.kill(node)
    const isAlone = () => stage.partition().isr.join() === '1'
    await stage.until('scenario', 'it is alone in the ISR', 15_000, isAlone)
    const alone = stage.clients.send('content-with-one', 'first', 0, ['alone'])
    await stage.within(5_000, 'one replica is enough for it', alone)
    cluster.wipe(last!)
    checker.lost(last!.id)
    cluster.start(last!)
    await stage.until('scenario', 'it is back', 12_000, () => stage.isUnfenced(last!))
    let led = -1
    stage.scheduler.onStep(() => {
      led = Math.max(led, stage.partition().leader)
    })
    await stage.pass(5_000)
    for (const node of others) cluster.start(node)
    const areBack = () => others.every(stage.isUnfenced)
    await stage.until('scenario', 'the others are back', 12_000, areBack)
    await stage.pass(5_000)
    stage.require(led < 0, 'nobody leads', { led })
    const allow = (value: string) => {
      const key = 'unclean.leader.election.enable'
      stage.act({ do: 'alterConfig', topic: 'first', key, value })
    }
    allow('true')
    await stage.until('scenario', 'one that has all leads', 5_000, () => led > 1)
    allow('false')
    for (const node of others) {
      stage.require(stage.entries(node).length >= 5, 'nothing is lost', { id: node.id })
    }
    // Its replica is offline for as long as it runs.
    cluster.kill(last!)
    cluster.start(last!)
    const areInSync = () => stage.partition().isr.length === 3
    await stage.until('scenario', 'all are in sync', 20_000, areInSync)
  },
}
