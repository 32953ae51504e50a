import { replaceFile } from '../../../runtime/storage/small-files.ts'
import type { SimNode } from '../cluster.ts'
import { quietScript, type Scenario, type Stage } from '../stage.ts'

const script = quietScript(49, {
  config: { 'metadata.log.max.record.bytes.between.snapshots': '500' },
})

/** One of each kind: what matters is what it is for. */
function smallFiles({ disk }: SimNode): string[] {
  const kinds = new Map<string, string>()
  for (const path of [...disk.files()].sort()) {
    if (/\.(log|deleted|lock)$/.test(path)) continue
    const folder = path.includes('__cluster_metadata') ? 'metadata' : path.split('/').length
    kinds.set(`${folder} ${path.slice(path.lastIndexOf('/') + 1).replace(/\d{5,}/g, 'N')}`, path)
  }
  return [...kinds.values()]
}

type How = 'missing' | 'empty'

function damage({ disk }: SimNode, path: string, how: How): void {
  if (how === 'missing') disk.unlink(path)
  else disk.writeFile(path, Buffer.alloc(0))
  disk.syncDirectory(path.slice(0, path.lastIndexOf('/')))
}

/** @returns why it refused to start, if it did */
async function startWithout(
  stage: Stage,
  node: SimNode,
  path: string,
  how: How,
): Promise<string | undefined> {
  const { cluster, checker } = stage
  const before = Buffer.from(node.disk.file(path)!.data)
  damage(node, path, how)
  checker.lost(node.id)
  node.isStricken = true
  cluster.start(node)
  const isDecided = () => node.end === undefined || stage.isUnfenced(node)
  await stage.until('S5', `it starts or refuses, ${path} ${how}`, 30_000, isDecided)
  node.isStricken = false
  if (node.end !== undefined) return undefined
  const at = path.lastIndexOf('/')
  replaceFile(node.disk, path.slice(0, at), path.slice(at + 1), before)
  cluster.start(node)
  await stage.until('S5', `it starts again, ${path} restored`, 30_000, () => stage.isUnfenced(node))
  return String(node.endedBy)
}

export const scenario: Scenario = {
  lesson:
    'KAFKA-16814, S5: each small file of a node in turn is missing, or empty, when it starts: it starts ' +
    'and serves, or refuses and names the file. Nothing acknowledged is lost.',
  script: {
    ...script,
    workload: { ...script.workload, groups: [{ id: 'readers', topic: 'first' }] },
  },
  async play(stage) {
    const { cluster } = stage
    stage.act({ do: 'joinGroup', group: 'readers', member: 'reader' })
    await stage.pass(5_000)
    const sending = stage.keepSending(100)
    await stage.pass(3_000)
    const node = cluster.node(1)
    const isIn = () => {
      const { isr } = cluster.newestImage()!.topicByName('first')!.partition(0)!
      return isr.includes(node.id)
    }
    async function stop(isClean: boolean): Promise<void> {
      await stage.until('L2', 'it is in the ISR', 30_000, isIn)
      if (!isClean) return cluster.kill(node)
      cluster.stop(node)
      await stage.until('scenario', 'it stops', 20_000, () => node.end === undefined)
    }
    await stop(true)
    const files = smallFiles(node)
    stage.trace.note('small files', { files })
    stage.require(files.length >= 12, 'there are many small files', { files })
    cluster.start(node)
    for (const path of files) {
      for (const how of ['missing', 'empty'] as const) {
        await stage.until('L1', 'it serves', 30_000, () => stage.isUnfenced(node))
        await stop(how === 'missing')
        if (node.disk.file(path) === undefined) {
          cluster.start(node)
          continue
        }
        const why = await startWithout(stage, node, path, how)
        stage.trace.note('started without', { path, how, why })
        // A folder without its meta.properties is no more than a folder.
        const name = path.endsWith('meta.properties') ? node.directory : path
        const isTold = why === undefined || why.includes(name)
        stage.require(isTold, 'who refuses tells which file', { path, how, why })
        // It may have voted (R2).
        const mustRefuse = path.endsWith('quorum-state')
        stage.require(!mustRefuse || why !== undefined, 'no voter forgets', { path, how })
      }
    }
    sending.stop()
  },
}
