import { quietScript, type Scenario } from '../stage.ts'

const script = quietScript(40, {
  controllers: 3,
  replicas: [1, 2],
  config: { 'min.insync.replicas': '1' },
})
script.workload.topics[0]!.configs = { 'flush.messages': '1' }

export const scenario: Scenario = {
  lesson:
    'KIP-101: A and B lose power, m2 stands on B only. A leads and writes m3 at the same offset; B ' +
    'comes back with m2: it drops m2, and both logs are equal.',
  script,
  async play(stage) {
    const { cluster } = stage
    const [a, b] = [cluster.node(2), cluster.node(1)]
    await stage.within(5_000, 'm1 is acknowledged', stage.send(['m1']))
    await stage.pass(1_000)
    stage.intercept(({ from, what }) => what === 'Fetch answer' && from === b.id)
    const unknown = stage.send(['m2'])
    const isAt = (node: typeof a, base: number) =>
      stage.entries(node).some((entry) => entry.base === base)
    await stage.until('scenario', 'B stores m2', 5_000, () => isAt(b, 1))
    stage.cutPower(b, 'kept')
    const [lost] = stage.entries(b).slice(1)
    stage.intercept(() => false)
    cluster.sockets.unreachable.add(a.id)
    const leads = () => stage.partition().leader === a.id
    await stage.until('scenario', 'A leads', 12_000, leads)
    stage.cutPower(a, 'kept')
    stage.require(lost !== undefined && !isAt(a, 1), 'm2 stands on B only', { lost })
    const { leaderEpoch } = stage.partition()
    stage.start(a)
    const leadsAgain = () => leads() && stage.partition().leaderEpoch > leaderEpoch
    await stage.until('scenario', 'A leads again', 12_000, leadsAgain)
    cluster.sockets.unreachable.delete(a.id)
    // The producer of m2 sends it again: as m3 it is another batch of another epoch.
    await stage.within(15_000, 'm2 is sent again', unknown)
    await stage.within(5_000, 'm3 is acknowledged', stage.send(['m3']))
    stage.start(b)
    const isBack = () => stage.partition().isr.includes(b.id)
    await stage.until('scenario', 'B is in sync', 12_000, isBack)
    const [ofA, ofB] = [a, b].map((node) => stage.entries(node).map(({ crc }) => crc))
    stage.require(ofA!.join() === ofB!.join(), 'both logs are equal', { ofA, ofB })
    const [now] = stage.entries(b).slice(1)
    stage.require(now!.epoch > lost!.epoch, 'm2 as it was is gone', { lost, now })
  },
}
