import { META_PROPERTIES } from '../../../runtime/storage/meta-properties.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'S11, N2: a node is started on the folder of another node: it refuses in one line that names both. On ' +
    'the folder of another cluster it starts, and nobody of this one hears it. Given back its own it goes on.',
  script: quietScript(90, { controllers: 3 }),
  async play(stage) {
    const { cluster } = stage
    const node = cluster.node(3)
    const path = `${node.directory}/${META_PROPERTIES}`
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    cluster.kill(node)
    const own = Buffer.from(node.disk.file(path)!.data)
    const changed = (from: string, to: string) => {
      const text = own.toString('utf8')
      stage.require(text.includes(from), 'the folder says so', { text, from })
      node.disk.overwrite(path, 0, Buffer.from(text.replace(from, to)))
    }
    changed('node.id=3', 'node.id=2')
    let why: unknown
    node.refused = (told) => {
      why = told
    }
    stage.start(node)
    await stage.until('S11', 'it refuses to start', 5_000, () => why !== undefined)
    const words = String(why)
    const isTold = words.includes('node 2') && words.includes('3') && !words.includes('\n')
    stage.require(isTold, 'and tells whose folder it is', { words })
    const other = [...cluster.clusterId].reverse().join('')
    changed(cluster.clusterId, other)
    stage.start(node)
    await stage.pass(20_000)
    stage.require(!stage.isUnfenced(node), 'nobody of this cluster takes it in')
    stage.require(!stage.partition().isr.includes(node.id), 'nor into an ISR', stage.partition())
    cluster.kill(node)
    node.disk.overwrite(path, 0, own)
    stage.start(node)
    await stage.until('scenario', 'it is back', 12_000, () => stage.isUnfenced(node))
  },
}
