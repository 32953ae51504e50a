/**
 * The log directories of one node, locked once for all who store in them: the logs of a broker and
 * the quorum's log live side by side in a combined node.
 */
import type { LogDirectory, StorageError } from '../../actors/ports/log.ts'
import { UserError } from '../config/user-error.ts'
import { type Disk, type DiskLock, joinPath } from '../disk/disk.ts'
import { guardDisk } from '../disk/guarded-disk.ts'
import { NO_BROKER_EPOCH, takeCleanMarker } from './clean-marker.ts'
import { groupCommit } from './group-commit.ts'
import type { StorageDirectory } from './log-state.ts'
import { META_PROPERTIES, type MetaProperties, readMetaProperties } from './meta-properties.ts'

const LOCK = '.lock'

export type Directories = {
  readonly clusterId: string
  /** Of the brokers' logs. */
  readonly logs: readonly OpenDirectory[]
  /** Of `__cluster_metadata-0`. */
  readonly metadata: OpenDirectory
  /** Log directories that could not be read; their ids are not known. */
  readonly failed: { path: string; why: string }[]
  onFailure(listener: FailureListener): void
  /** Last of all: another process may take the directories from now on. */
  release(): void
}

export type FailureListener = (directory: LogDirectory, why: StorageError) => void

export type OpenDirectory = StorageDirectory & {
  /** The last run stopped cleanly and wrote its broker epoch; -1: it did not. */
  readonly previousBrokerEpoch: number
}

export type DirectoryOptions = {
  disk: Disk
  /** `log.dirs`, absolute. */
  logDirs: string[]
  /** `metadata.log.dir`; absent: the first log directory. */
  metadataLogDir?: string | undefined
  nodeId: number
  /** When given, directories of other clusters are refused. */
  clusterId?: string | undefined
}

/** @throws UserError a directory that this node must not use */
export function openDirectories(options: DirectoryOptions): Directories {
  const { disk, logDirs } = options
  const metadataPath = options.metadataLogDir ?? logDirs[0]!
  const paths = [...new Set([...logDirs, metadataPath])]
  const listeners: FailureListener[] = []
  const locks: DiskLock[] = []
  const release = () => {
    for (const lock of locks.splice(0)) lock.release()
  }
  const failed: Directories['failed'] = []
  const opened: { meta: MetaProperties; directory: OpenDirectory }[] = []
  try {
    for (const path of paths) {
      try {
        const meta = formatOf(options, path)
        locks.push(lock(disk, path))
        opened.push({ meta, directory: open(disk, path, meta, listeners) })
      } catch (error) {
        // The others go on without a disk that fails; nothing goes on without the metadata log.
        if (error instanceof UserError || path === metadataPath) throw error
        failed.push({ path, why: error instanceof Error ? error.message : String(error) })
      }
    }
    const all = opened.map(({ directory }) => directory)
    return {
      clusterId: oneCluster(opened.map(({ meta }) => meta)),
      logs: all.filter(({ path }) => logDirs.includes(path)),
      metadata: all.find(({ path }) => path === metadataPath)!,
      failed,
      onFailure: (listener) => listeners.push(listener),
      release,
    }
  } catch (error) {
    release()
    throw error
  }
}

function formatOf({ disk, nodeId, clusterId }: DirectoryOptions, path: string): MetaProperties {
  const meta = readMetaProperties(disk, path)
  if (meta === undefined) {
    throw new UserError(
      `${path} is not formatted (no ${META_PROPERTIES}): run \`samsa format\` first`,
    )
  }
  if (meta.nodeId !== nodeId) {
    throw new UserError(
      `${path} belongs to node ${meta.nodeId}, this is node ${nodeId}: use another directory`,
    )
  }
  if (clusterId !== undefined && meta.clusterId !== clusterId) {
    throw new UserError(
      `${path} belongs to cluster ${meta.clusterId}, not ${clusterId}: use another directory`,
    )
  }
  return meta
}

function lock(disk: Disk, path: string): DiskLock {
  const taken = disk.lock(joinPath(path, LOCK))
  if (typeof taken !== 'string') return taken
  throw new UserError(`${path} is in use by ${taken}: stop it, or use another directory`)
}

function open(
  disk: Disk,
  path: string,
  meta: MetaProperties,
  listeners: readonly FailureListener[],
): OpenDirectory {
  const id = meta.directoryId
  const guarded = guardDisk(disk, path, (why) => {
    for (const listener of listeners) listener({ id, path, online: false }, why)
  })
  const previousBrokerEpoch = takeCleanMarker(guarded, path) ?? NO_BROKER_EPOCH
  const syncNames = groupCommit(() => guarded.datasyncDirectory(path))
  return { id, path, disk: guarded, syncNames, previousBrokerEpoch }
}

function oneCluster(metas: MetaProperties[]): string {
  const { clusterId } = metas[0]!
  const other = metas.find((meta) => meta.clusterId !== clusterId)
  if (other === undefined) return clusterId
  throw new UserError(
    `log directories of two clusters, ${clusterId} and ${other.clusterId}: use those of one`,
  )
}
