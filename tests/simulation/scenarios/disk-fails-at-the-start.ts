import { DiskError } from '../disk.ts'
import { quietScript, type Scenario } from '../stage.ts'

export const scenario: Scenario = {
  lesson:
    'Seed 1016: the only disk of a node refuses a read while the node starts. It ends, and nothing of it ' +
    'stays: with the disk in order again the next start finds its port free.',
  script: quietScript(67),
  async play(stage) {
    const node = stage.cluster.node(3)
    await stage.within(5_000, 'it is acknowledged', stage.send(['before']))
    stage.cluster.kill(node)
    const { faults } = node.disk
    faults.check = (operation, path) => {
      if (operation !== 'read' || !path.includes('first-0')) return
      node.isStricken = true
      throw new DiskError('EIO', path)
    }
    stage.start(node)
    await stage.until('scenario', 'it ends', 5_000, () => node.end === undefined)
    faults.check = () => {}
    stage.start(node)
    await stage.until('scenario', 'it is back', 12_000, () => stage.isUnfenced(node))
  },
}
