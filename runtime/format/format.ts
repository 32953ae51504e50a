/**
 * Prepares the log directories of nodes, as Kafka's storage tool does: one node after the other, or
 * all nodes of a cluster at once, which then agree on the voters' directory ids by themselves.
 *
 * `meta.properties` is written last: what was formatted by half counts as not formatted. A
 * directory of another cluster or node is never touched.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Voter } from '../../actors/quorum/types.ts'
import type { NodeConfig } from '../config/config.ts'
import { UserError } from '../config/user-error.ts'
import { nodeDisk } from '../disk/node-disk.ts'
import { systemRandom } from '../random.ts'
import {
  type MetaProperties,
  readMetaProperties,
  writeMetaProperties,
} from '../storage/meta-properties.ts'
import { replaceFile } from '../storage/small-files.ts'
import {
  BOOTSTRAP_CHECKPOINT,
  encodeBootstrap,
  encodeVoters,
  readVoters,
  VOTERS_CHECKPOINT,
} from './checkpoints.ts'
import { bootstrapRecords } from './features.ts'
import { parseInitialControllers, voterOf } from './voters.ts'

export const METADATA_PARTITION = '__cluster_metadata-0'

export type FormatOptions = {
  clusterId?: string | undefined
  standalone?: boolean
  /** Text of `--initial-controllers`; false: the node joins voters that exist. */
  initialControllers?: string | false | undefined
  ignoreFormatted?: boolean
  releaseVersion?: string | undefined
  features?: string[]
}

export type Formatted = { clusterId: string; directories: string[] }

type Directory = { path: string; meta: MetaProperties | undefined }
type Target = { node: NodeConfig; directories: Directory[]; metadataDirectory: string }

const uuidPattern = /^[A-Za-z0-9_-]{22}$/

function targetOf(node: NodeConfig): Target {
  const paths = new Set([node.metadataLogDir, ...node.logDirs])
  const directories = [...paths].map((path) => ({ path, meta: readMetaProperties(nodeDisk, path) }))
  for (const { path, meta } of directories) {
    if (meta !== undefined && meta.nodeId !== node.nodeId) {
      throw new UserError(`${path} belongs to node ${meta.nodeId}, not ${node.nodeId}`)
    }
  }
  return { node, directories, metadataDirectory: join(node.metadataLogDir, METADATA_PARTITION) }
}

function clusterIdOf(targets: Target[], asked: string | undefined): string {
  if (asked !== undefined && !uuidPattern.test(asked)) {
    throw new UserError(`--cluster-id ${asked}: take one from samsa random-uuid`)
  }
  const known = targets.flatMap(({ directories }) => directories.filter(({ meta }) => meta))
  const clusterId = asked ?? known[0]?.meta?.clusterId ?? systemRandom.uuid()
  for (const { path, meta } of known) {
    if (meta!.clusterId !== clusterId) {
      throw new UserError(`${path} belongs to cluster ${meta!.clusterId}, not ${clusterId}`)
    }
  }
  return clusterId
}

/** How the first voters were named, once; undefined with static voters, which no file holds. */
type VoterChoice = 'typed' | 'standalone' | 'joining' | 'all' | undefined

function choiceOf(targets: Target[], options: FormatOptions): VoterChoice {
  const { standalone = false, initialControllers } = options
  const isStatic = targets.some(({ node }) => node.staticVoters.length > 0)
  if (standalone && initialControllers !== undefined) {
    throw new UserError('--standalone and --initial-controllers exclude each other')
  }
  if (isStatic) {
    if (standalone || typeof initialControllers === 'string') {
      throw new UserError('controller.quorum.voters names the voters; remove it, or the option')
    }
    return undefined
  }
  if (typeof initialControllers === 'string') return 'typed'
  if (initialControllers === false) return 'joining'
  const [first, ...others] = targets
  if (standalone) {
    if (others.length > 0 || !first?.node.roles.controller) {
      throw new UserError('--standalone is for one controller alone')
    }
    return 'standalone'
  }
  return others.length > 0 || first?.node.roles.controller ? 'all' : 'joining'
}

/** Voters that an earlier formatting of one of these nodes laid down. */
function votersInForce(targets: Target[]): Voter[] {
  for (const { node, directories, metadataDirectory } of targets) {
    const formatted = directories.some(({ path, meta }) => path === node.metadataLogDir && meta)
    const path = join(metadataDirectory, VOTERS_CHECKPOINT)
    if (formatted && existsSync(path)) return readVoters(readFileSync(path))
  }
  return []
}

type DirectoryIds = Map<string, string>

function allControllers(targets: Target[], ids: DirectoryIds): Voter[] {
  const inForce = votersInForce(targets)
  // A node that comes later, or with an empty disk, is no voter until it is made one.
  if (inForce.length > 0) return inForce
  const controllers = targets.filter(({ node }) => node.roles.controller)
  if (controllers.length === 0) throw new UserError('none of these nodes is a controller')
  if (controllers.some(({ directories }) => directories.some(({ meta }) => meta))) {
    throw new UserError(
      'some controllers are formatted already, without voters; format the others by --initial-controllers',
    )
  }
  return controllers.map(({ node }) => voterOf(node, ids.get(node.metadataLogDir)!))
}

function typedVoters(targets: Target[], text: string, ids: DirectoryIds): Voter[] {
  const name = targets[0]?.node.config.list('controller.listener.names')[0] ?? 'CONTROLLER'
  const voters = parseInitialControllers(text, name)
  for (const { node } of targets) {
    const own = voters.find(({ id }) => id === node.nodeId)
    if (own !== undefined) ids.set(node.metadataLogDir, own.directoryId)
    else if (node.roles.controller) {
      throw new UserError(
        `--initial-controllers: add node ${node.nodeId}, or give --no-initial-controllers`,
      )
    }
  }
  return voters
}

function votersOf(targets: Target[], options: FormatOptions, ids: DirectoryIds): Voter[] {
  const choice = choiceOf(targets, options)
  if (choice === 'typed') return typedVoters(targets, options.initialControllers as string, ids)
  if (choice === 'all') return allControllers(targets, ids)
  if (choice !== 'standalone') return []
  const { node } = targets[0]!
  return [voterOf(node, ids.get(node.metadataLogDir)!)]
}

type Content = { bootstrap: Buffer; voters: Buffer | undefined; clusterId: string }

function writeDirectory(target: Target, path: string, directoryId: string, content: Content): void {
  mkdirSync(path, { recursive: true })
  const { node, metadataDirectory } = target
  if (path === node.metadataLogDir) {
    replaceFile(nodeDisk, path, BOOTSTRAP_CHECKPOINT, content.bootstrap)
    if (content.voters !== undefined) {
      mkdirSync(metadataDirectory, { recursive: true })
      replaceFile(nodeDisk, metadataDirectory, VOTERS_CHECKPOINT, content.voters)
    }
  }
  writeMetaProperties(nodeDisk, path, {
    clusterId: content.clusterId,
    nodeId: node.nodeId,
    directoryId,
  })
}

/**
 * @param nodes all of the cluster, unless the options say who votes
 * @param nowMs wall clock, which the checkpoints are stamped with
 * @throws UserError with one line that says what to do; nothing was written then
 */
export function formatNodes(nodes: NodeConfig[], options: FormatOptions, nowMs: number): Formatted {
  const nodeIds = nodes.map(({ nodeId }) => nodeId)
  if (new Set(nodeIds).size < nodeIds.length) throw new UserError('two files have the same node.id')
  const targets = nodes.map(targetOf)
  const clusterId = clusterIdOf(targets, options.clusterId)
  const all = targets.flatMap((target) =>
    target.directories.map((directory) => ({ target, directory })),
  )
  const formatted = all.find(({ directory }) => directory.meta !== undefined)
  if (formatted !== undefined && !options.ignoreFormatted) {
    const { path } = formatted.directory
    throw new UserError(`${path} is formatted already; --ignore-formatted leaves it as it is`)
  }
  const fresh = all.filter(({ directory }) => directory.meta === undefined)
  if (fresh.length === 0) return { clusterId, directories: [] }

  const ids: DirectoryIds = new Map(
    all.map(({ directory: { path, meta } }) => [path, meta?.directoryId ?? systemRandom.uuid()]),
  )
  const voters = votersOf(targets, options, ids)
  const content: Content = {
    bootstrap: encodeBootstrap(
      bootstrapRecords(options.releaseVersion, options.features ?? []),
      nowMs,
    ),
    voters: voters.length === 0 ? undefined : encodeVoters(voters, nowMs),
    clusterId,
  }
  for (const { target, directory } of fresh) {
    writeDirectory(target, directory.path, ids.get(directory.path)!, content)
  }
  return { clusterId, directories: fresh.map(({ directory }) => directory.path) }
}
