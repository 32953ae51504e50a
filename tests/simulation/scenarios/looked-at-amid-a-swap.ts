import { keyOfValue } from '../cleanup.ts'
import { quietScript, type Scenario } from '../stage.ts'

const topic = 'compacted'
const script = quietScript(92, { config: { 'log.cleaner.backoff.ms': '6000' } })
script.workload.topics.push({
  name: topic,
  partitions: 1,
  configs: {
    'cleanup.policy': 'compact',
    'min.cleanable.dirty.ratio': '0.01',
    'internal.segment.bytes': '500',
  },
})

export const scenario: Scenario = {
  lesson:
    'Seed 860003120, S9: a cleaned segment takes the place of those that it was made of, and a slow disk has ' +
    'removed their names and not yet given it its own. It is promised: of each key the last value is there.',
  script,
  async play(stage) {
    const { cluster, checker } = stage
    const alone = 'the only one of its key'
    const others = Array.from({ length: 40 }, (_, index) => `value-${index}`)
    for (const value of [
      alone,
      ...others.filter((each) => keyOfValue(each) !== keyOfValue(alone)),
    ]) {
      const { acked } = await stage.within(9_000, 'it is answered', stage.send([value], 0, topic))
      stage.require(acked, 'it is acknowledged', { value })
    }
    const node = cluster.node(1)
    const folder = `${node.directory}/${topic}-0`
    node.disk.faults.syncMs = 50
    const first = `${folder}/00000000000000000000.log`
    const isAmid = () =>
      node.disk.file(first) === undefined && node.disk.file(`${first}.swap`) !== undefined
    await stage.until('scenario', 'it is amid a swap', 20_000, isAmid, () => ({
      names: node.disk.names(folder),
    }))
    checker.partitions.end()
  },
}
