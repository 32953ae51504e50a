/**
 * `meta.properties` of a log directory: which cluster, which node, and the directory's own id.
 *
 * Source: KIP-631, KIP-858. Version 1; version 0 is ZooKeeper's and refused.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseProperties } from '../config/properties.ts'
import { UserError } from '../config/user-error.ts'
import { nodeDisk } from '../disk/node-disk.ts'
import { replaceFile } from '../storage/small-files.ts'

export const META_PROPERTIES = 'meta.properties'

export type MetaProperties = { clusterId: string; nodeId: number; directoryId: string }

const uuidPattern = /^[A-Za-z0-9_-]{22}$/

/** Undefined where the directory was never formatted. */
export function readMetaProperties(directory: string): MetaProperties | undefined {
  const path = join(directory, META_PROPERTIES)
  if (!existsSync(path)) return undefined
  const properties = parseProperties(readFileSync(path, 'utf8'))
  const version = properties.get('version')
  if (version !== '1') throw new UserError(`${path}: version ${version}; only version 1 is read`)
  const clusterId = properties.get('cluster.id') ?? ''
  const nodeId = Number(properties.get('node.id') ?? '')
  const directoryId = properties.get('directory.id') ?? ''
  if (clusterId === '' || !Number.isInteger(nodeId) || !uuidPattern.test(directoryId)) {
    throw new UserError(`${path} is damaged; restore it, or remove ${directory} and format again`)
  }
  return { clusterId, nodeId, directoryId }
}

export function writeMetaProperties(directory: string, meta: MetaProperties): void {
  const lines = [
    'version=1',
    `cluster.id=${meta.clusterId}`,
    `node.id=${meta.nodeId}`,
    `directory.id=${meta.directoryId}`,
  ]
  replaceFile(nodeDisk, directory, META_PROPERTIES, `${lines.join('\n')}\n`)
}
