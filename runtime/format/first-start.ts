/**
 * Formats a node on its first start, together with the other nodes of its cluster, whichever of
 * their processes comes first: one formats all, under a lock, the others find it done.
 */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type NodeConfig, nodeConfig } from '../config/config.ts'
import { readProperties } from '../config/properties.ts'
import { UserError } from '../config/user-error.ts'
import { nodeDisk } from '../disk/node-disk.ts'
import { readMetaProperties } from '../storage/meta-properties.ts'
import { formatNodes } from './format.ts'

const LOCK = '.samsa-format.lock'
const retryMs = 50
const retriesMax = 400

const isFormatted = ({ logDirs, metadataLogDir }: NodeConfig): boolean =>
  [...logDirs, metadataLogDir].every((path) => readMetaProperties(nodeDisk, path) !== undefined)

/**
 * @param files property files of all nodes of the cluster, this one's among them
 * @throws UserError
 */
export async function formatOnce(node: NodeConfig, files: string[]): Promise<void> {
  const all = files.map((file) => nodeConfig(readProperties(file)))
  const first = all.sort((a, b) => a.nodeId - b.nodeId)[0]
  if (first === undefined || !all.some(({ nodeId }) => nodeId === node.nodeId)) {
    throw new UserError(`--format-with: node ${node.nodeId} is in none of the files; add its own`)
  }
  const folder = dirname(first.metadataLogDir)
  mkdirSync(folder, { recursive: true })
  for (let tries = 0; tries < retriesMax && !isFormatted(node); tries++) {
    const lock = nodeDisk.lock(join(folder, LOCK))
    if (typeof lock === 'string') {
      await sleep(retryMs)
      continue
    }
    try {
      formatNodes(all, { ignoreFormatted: true }, Date.now())
    } finally {
      lock.release()
    }
  }
}
