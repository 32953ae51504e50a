import type { SimNode } from '../cluster.ts'
import { METADATA } from '../quorum-checker.ts'
import { cutMetadata, quietScript, type Scenario, type Stage } from '../stage.ts'

const snapshotsOf = ({ disk, directory }: SimNode) =>
  disk
    .names(`${directory}/${METADATA}`)
    .filter((name) => /[1-9]\d*-\d{10}\.checkpoint$/.test(name))
    .map((name) => `${directory}/${METADATA}/${name}`)

/** One bit of a record in each of them; it does not run. @returns what they were */
function damage({ checker }: Stage, node: SimNode, paths: readonly string[]): Buffer[] {
  const before = paths.map((path) => Buffer.from(node.disk.file(path)!.data))
  for (const [at, path] of paths.entries()) {
    node.disk.flip(path, Math.floor(before[at]!.length / 2), 2)
  }
  checker.lost(node.id)
  return before
}

export const scenario: Scenario = {
  lesson:
    'R16: a bit flips in each snapshot of the metadata on a voter, and on a broker, so that nothing tells ' +
    'what stood before the log. It refuses to start, and names the file; given it back, it starts.',
  script: quietScript(84, { controllers: 3, config: cutMetadata }),
  async play(stage) {
    const { cluster } = stage
    for (let index = 0; index < 20; index++) {
      const created = stage.createTopic(`kept-${index}`, 3)
      stage.require(await stage.within(9_000, 'it is answered', created), 'it is created', {
        index,
      })
    }
    await stage.pass(1_000)
    const leader = stage.node('controller')
    const voter = [4, 5, 6].map(cluster.node).find((node) => node !== leader)!
    for (const node of [voter, cluster.node(1)]) {
      cluster.kill(node)
      const paths = snapshotsOf(node)
      stage.require(paths.length > 0, 'it has snapshots', { node: node.id })
      const before = damage(stage, node, paths)
      let why: unknown
      node.refused = (told) => {
        why = told
      }
      stage.start(node)
      await stage.until('R16', 'it refuses to start', 5_000, () => why !== undefined)
      const isNamed = paths.some((path) => String(why).includes(path))
      stage.require(isNamed, 'and tells which file', { why: String(why), paths })
      for (const [at, path] of paths.entries()) node.disk.overwrite(path, 0, before[at]!)
      stage.start(node)
      const isWhole = () => node.parts?.loader.image().topicByName('kept-19') !== undefined
      await stage.until('scenario', 'it is back', 20_000, isWhole)
    }
  },
}
