/**
 * `meta.properties`: which node and cluster a log directory belongs to, and its own id (KIP-858).
 * Source: Kafka's version 1 (KRaft). Others' keys are kept out; order and comments do not matter.
 */
import { parse, stringify } from 'dot-properties'
import { UserError } from '../config/user-error.ts'
import { type Disk, joinPath } from '../disk/disk.ts'
import { MalformedFileError, replaceFile } from './small-files.ts'

export const META_PROPERTIES = 'meta.properties'
const VERSION = '1'

export type MetaProperties = { clusterId: string; nodeId: number; directoryId: string }

/**
 * undefined: the directory is not formatted.
 * @throws UserError what is there is damaged
 */
export function readMetaProperties(disk: Disk, directory: string): MetaProperties | undefined {
  try {
    return parseMetaProperties(disk, directory)
  } catch (error) {
    if (!(error instanceof MalformedFileError)) throw error
    throw new UserError(`${error.message}; restore it, or remove the folder and format it again`)
  }
}

function parseMetaProperties(disk: Disk, directory: string): MetaProperties | undefined {
  const content = disk.readFile(joinPath(directory, META_PROPERTIES))
  if (content === undefined) return undefined
  const found = parse(content.toString('utf8')) as Record<string, string | undefined>
  const path = joinPath(directory, META_PROPERTIES)
  if (found['version'] !== VERSION) {
    throw new MalformedFileError(path, `version '${found['version']}', not ${VERSION}`)
  }
  const value = (name: string): string => {
    const text = found[name]
    if (!text) throw new MalformedFileError(path, `${name} is missing`)
    return text
  }
  const nodeId = Number(value('node.id'))
  if (!Number.isInteger(nodeId) || nodeId < 0)
    throw new MalformedFileError(path, `node.id ${nodeId}`)
  return { clusterId: value('cluster.id'), nodeId, directoryId: value('directory.id') }
}

export function writeMetaProperties(disk: Disk, directory: string, of: MetaProperties) {
  const lines = {
    'node.id': String(of.nodeId),
    'directory.id': of.directoryId,
    version: VERSION,
    'cluster.id': of.clusterId,
  }
  disk.mkdir(directory)
  replaceFile(disk, directory, META_PROPERTIES, `${stringify(lines, { keySep: '=' })}\n`)
}
