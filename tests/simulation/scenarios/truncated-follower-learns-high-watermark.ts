import { quietScript, type Scenario } from '../stage.ts'

const script = quietScript(59, {
  controllers: 3,
  replicas: [1, 2],
  config: { 'min.insync.replicas': '1' },
})
script.workload.topics[0]!.configs = { 'flush.messages': '1' }

export const scenario: Scenario = {
  lesson:
    'Found by seed: the answer that tells a follower where it parted also tells the high watermark, ' +
    'which it does not take while it truncates. In an idle partition it is told again.',
  script,
  async play(stage) {
    const { cluster } = stage
    const [a, b] = [cluster.node(2), cluster.node(1)]
    await stage.within(5_000, 'm1 is acknowledged', stage.send(['m1']))
    stage.intercept(({ from, what }) => what === 'Fetch answer' && from === b.id)
    const unknown = stage.send(['m2'])
    const endOf = (node: typeof a) => (stage.entries(node).at(-1)?.last ?? -1) + 1
    await stage.until('scenario', 'B stores m2', 5_000, () => endOf(b) === 2)
    stage.cutPower(b, 'kept')
    stage.intercept(() => false)
    // Nobody writes to A meanwhile.
    cluster.sockets.unreachable.add(a.id)
    await stage.until('scenario', 'A leads', 12_000, () => stage.partition().leader === a.id)
    stage.require(endOf(a) === 1, 'm2 stands on B only')
    stage.start(b)
    const isBack = () => stage.partition().isr.includes(b.id)
    await stage.until('scenario', 'B is in sync', 12_000, isBack)
    stage.require(endOf(b) === 1, 'B has dropped m2')
    const knows = () => stage.row(b).highWatermark === 1
    await stage.until('scenario', 'B learns the high watermark', 2_000, knows)
    cluster.sockets.unreachable.delete(a.id)
    await stage.within(15_000, 'm2 is sent again', unknown)
  },
}
