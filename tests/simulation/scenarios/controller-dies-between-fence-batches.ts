import { METADATA } from '../quorum-checker.ts'
import { quietScript, type Scenario } from '../stage.ts'

const partitions = 5_300
const dead = 3

export const scenario: Scenario = {
  lesson:
    'Fencing a broker of more than 10,000 partitions takes several batches. The active controller ' +
    'dies when only the first is committed: its successor does the rest.',
  // A fetch takes one of the batches, not both.
  script: quietScript(26, {
    controllers: 3,
    config: { 'controller.quorum.fetch.max.bytes': '1000' },
  }),
  async play(stage) {
    const { cluster, checker } = stage
    for (const name of ['big-a', 'big-b']) {
      const replicas = Array.from({ length: partitions }, () => [dead])
      const created = stage.createTopic(name, -1, replicas)
      stage.require(await stage.within(8_000, `${name} is answered`, created), 'it is created')
    }
    await stage.pass(5_000)
    const active = stage.node('controller')
    const others = [4, 5, 6].filter((id) => id !== active.id)
    const endOf = (id: number) => checker.logs.view(id, METADATA)?.entries.at(-1)?.last ?? -1
    const before = endOf(active.id)
    // Whoever has the first batch of the fencing gets no more of it.
    stage.intercept(
      ({ from, to, what }) =>
        from === active.id && what === 'Fetch.metadata answer' && endOf(to) > before + 5_000,
    )
    stage.act({ do: 'kill', node: dead, forMs: 60_000 })
    const isHalfDone = () => checker.quorum.committedEnd() > before + 5_000
    await stage.until('scenario', 'the first batch is committed', 15_000, isHalfDone)
    const ends = { active: endOf(active.id), others: others.map(endOf) }
    stage.require(
      ends.others.every((end) => end < ends.active),
      'only a part of the fencing is out',
      ends,
    )
    stage.act({ do: 'kill', node: active.id, forMs: 30_000 })
    const led = () => {
      const image = cluster.newestImage()
      let count = image?.brokers().get(dead)?.fenced === true ? 0 : 1
      for (const topic of image?.topics() ?? []) {
        for (let index = 0; index < topic.partitionCount(); index++) {
          if (topic.partition(index)!.leader === dead) count++
        }
      }
      return count
    }
    await stage.until('scenario', 'a dead broker leads nothing', 20_000, () => led() === 0)
    stage.intercept(() => false)
    await stage.pass(5_000)
  },
}
