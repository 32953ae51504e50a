/**
 * What a node finds in its log directories at the start; refused where it is not its own. One that
 * cannot be read at all is passed over: the node goes on with the others, unless its metadata lies there.
 */
import { join } from 'node:path'
import type { NodeConfig } from '../config/config.ts'
import { UserError } from '../config/user-error.ts'
import type { Disk } from '../disk/disk.ts'
import { nodeDisk } from '../disk/node-disk.ts'
import { type MetaProperties, readMetaProperties } from '../storage/meta-properties.ts'
import { BOOTSTRAP_CHECKPOINT } from './checkpoints.ts'
import { METADATA_PARTITION } from './format.ts'

export type Formatting = {
  clusterId: string
  /** Log directory → its id, in the order of `log.dirs`, where it can be read; the metadata directory is among them. */
  directoryIds: Map<string, string>
  metadataDirectoryId: string
  /** Of `__cluster_metadata-0`. */
  metadataPath: string
  bootstrapPath: string
}

/** @throws UserError with one line that says what to do */
export function checkFormatted(node: NodeConfig, disk: Disk = nodeDisk): Formatting {
  const directoryIds = new Map<string, string>()
  let clusterId: string | undefined
  for (const path of new Set([...node.logDirs, node.metadataLogDir])) {
    const meta = readUnlessFailed(node, disk, path)
    if (meta === 'failed') continue
    if (meta === undefined) {
      throw new UserError(`${path} is not formatted; run samsa format with this node's file first`)
    }
    if (meta.nodeId !== node.nodeId) {
      throw new UserError(
        `${path} belongs to node ${meta.nodeId}, but node.id is ${node.nodeId}; correct one of them`,
      )
    }
    clusterId ??= meta.clusterId
    if (meta.clusterId !== clusterId) {
      throw new UserError(
        `${path} belongs to cluster ${meta.clusterId}, the folders before to ${clusterId}; correct log.dirs`,
      )
    }
    if ([...directoryIds.values()].includes(meta.directoryId)) {
      throw new UserError(`${path} is a copy of another folder of log.dirs; remove it`)
    }
    directoryIds.set(path, meta.directoryId)
  }
  return {
    clusterId: clusterId!,
    directoryIds,
    metadataDirectoryId: directoryIds.get(node.metadataLogDir)!,
    metadataPath: join(node.metadataLogDir, METADATA_PARTITION),
    bootstrapPath: join(node.metadataLogDir, BOOTSTRAP_CHECKPOINT),
  }
}

function readUnlessFailed(
  { metadataLogDir }: NodeConfig,
  disk: Disk,
  path: string,
): MetaProperties | 'failed' | undefined {
  try {
    return readMetaProperties(disk, path)
  } catch (error) {
    if (error instanceof UserError || path === metadataLogDir) throw error
    return 'failed'
  }
}
