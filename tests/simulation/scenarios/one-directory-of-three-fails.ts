import type { SimNode } from '../cluster.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

const partitions = 6
const all = Array.from({ length: partitions }, (_, partition) => partition)

const kinds = [
  { operation: 'write', code: 'ENOSPC', share: 0.6 },
  { operation: 'write', code: 'EROFS', share: 0 },
  { operation: 'sync', code: 'EIO', share: 0 },
] as const

/** The partitions that a node holds in each of its directories, as the controller has it. */
function placed(stage: Stage, node: SimNode, path: string): number[] {
  const { id } = node.directories.find((each) => each.path === path)!
  return all.filter((partition) => {
    const { replicas, directories } = stage.partition('first', partition)
    return directories[replicas.indexOf(node.id)] === id
  })
}

const registered = ({ cluster }: Stage, { id }: SimNode) =>
  cluster.newestImage()!.brokers().get(id)!.logDirs

function allInSync(stage: Stage): boolean {
  return all.every((partition) => stage.partition('first', partition).isr.length === 3)
}

/** For a sync bytes enough that logs roll. */
function sendToAll(stage: Stage, label: string, operation: string): void {
  const bytes = 'x'.repeat(operation === 'sync' ? 300_000 : 300)
  for (const partition of all) {
    for (let batch = 0; batch < 4; batch++)
      void stage.send([`${label} ${partition}.${batch} ${bytes}`], partition)
  }
}

async function areTaken(stage: Stage, label: string): Promise<void> {
  for (const partition of all) {
    const sent = stage.send([`${label} ${partition}`], partition)
    const { acked } = await stage.within(20_000, 'each partition is written to', sent)
    stage.require(acked, 'and acknowledges', { partition })
  }
}

/** What lies in it is led by others, and all else goes on. */
async function isWithout(stage: Stage, node: SimNode, path: string): Promise<void> {
  const { id } = node.directories.find((each) => each.path === path)!
  const lost = placed(stage, node, path)
  const kept = all.filter((partition) => !lost.includes(partition))
  stage.require(lost.length > 0 && kept.length > 0, 'some lie in it, and some do not', { lost })
  const hasMoved = () =>
    !registered(stage, node).includes(id) &&
    lost.every((partition) => {
      const { isr, leader } = stage.partition('first', partition)
      return !isr.includes(node.id) && leader >= 0
    })
  await stage.until('S8', 'what lies in it is led by others', 20_000, hasMoved)
  const isIn = () =>
    stage.isUnfenced(node) &&
    kept.every((partition) => stage.partition('first', partition).isr.length === 3)
  await stage.until('S8', 'other directories work on', 20_000, isIn)
}

export const scenario: Scenario = {
  lesson:
    'S8, KIP-112, KIP-858: one of three log directories of a broker is full, read-only, or fails to sync; ' +
    'then it cannot be read at the start; then it is another one. The broker goes on with the others, ' +
    'what lies there is led elsewhere, and nothing acknowledged is lost.',
  script: {
    ...quietScript(83, { controllers: 1, partitions }),
    shape: {
      brokers: 3,
      controllers: 1,
      directories: [3, 3, 1],
      config: {
        'offsets.topic.num.partitions': '1',
        'min.insync.replicas': '2',
        'default.replication.factor': '3',
      },
    },
    workload: {
      topics: [{ name: 'first', partitions, configs: { 'segment.bytes': '1048576' } }],
      producers: [{ name: 'producer', acks: -1, inFlightMax: 5 }],
      groups: [],
    },
  },
  async play(stage) {
    const { cluster } = stage
    const node = cluster.node(1)
    const [, second, third] = node.directories.map(({ path }) => path)
    const isBack = () => stage.isUnfenced(node) && allInSync(stage)
    await stage.until('scenario', 'all are in sync', 20_000, isBack)
    for (const [at, kind] of kinds.entries()) {
      const life = node.lives
      const path = at === 1 ? third! : second!
      const directory = at === 1 ? 2 : 1
      stage.act({ do: 'diskError', node: 1, directory, ...kind, forMs: 20_000 })
      sendToAll(stage, `${kind.operation} ${kind.code}`, kind.operation)
      await stage.until('scenario', 'it fails', 10_000, () => node.offline.has(path))
      await isWithout(stage, node, path)
      await areTaken(stage, `without ${path} ${at}`)
      stage.require(node.lives === life, 'it never stopped', {})
      await stage.until('scenario', 'it is back', 60_000, () => node.lives > life && isBack())
    }

    cluster.kill(node)
    stage.act({
      do: 'diskError',
      node: 1,
      directory: 1,
      operation: 'read',
      code: 'EIO',
      share: 0,
      forMs: 20_000,
    })
    stage.start(node)
    const isElsewhere = () =>
      registered(stage, node).length === 2 && placed(stage, node, second!).length === 0 && isBack()
    await stage.until('S8', 'what lay in it is fetched into others', 20_000, isElsewhere)
    await areTaken(stage, 'unreadable at the start')
    const hasAll = () => registered(stage, node).length === 3 && isBack()
    await stage.until('scenario', 'it is back', 60_000, hasAll)
    const asides = node.disk.names(second!).filter((name) => name.endsWith('-stray'))
    stage.require(asides.length > 0, 'the older copies are set aside', {})

    const before = placed(stage, node, third!)
    stage.act({ do: 'replaceDirectory', node: 1, directory: 1, forMs: 1_000 })
    const isAnew = () => node.end !== undefined && isBack()
    await stage.until('scenario', 'it is back', 60_000, isAnew)
    const held = before.map((partition) => stage.entries(node, `first-${partition}`).length)
    const areWhole = held.length > 0 && held.every((count) => count > 5)
    stage.require(areWhole, 'it fetched all anew', { held })
  },
}
