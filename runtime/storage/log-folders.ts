/**
 * What stands in a log directory: a folder per partition, and folders on their way out, whose names
 * end in `-delete` (to be unlinked) or `-stray` (set aside, for a person to look at).
 */
import type { TopicPartition } from '../../actors/ports/log.ts'
import { joinPath } from '../disk/disk.ts'
import { partitionName } from './checkpoints.ts'
import type { StorageDirectory } from './log-state.ts'

const NAME_CHARACTERS_MAX = 255

export type Folder =
  | { kind: 'log'; name: string; of: TopicPartition }
  | { kind: 'deleted'; name: string }
  | { kind: 'other'; name: string }

export function listFolders({ disk, path }: StorageDirectory): Folder[] {
  return disk
    .readdir(path)
    .filter((name) => disk.stat(joinPath(path, name))?.isDirectory)
    .map(folderOf)
}

function folderOf(name: string): Folder {
  if (name.endsWith('-delete')) return { kind: 'deleted', name }
  const [, topic, partition] = /^(.+)-(\d+)$/.exec(name) ?? []
  if (topic === undefined) return { kind: 'other', name }
  return { kind: 'log', name, of: { topic, partition: Number(partition) } }
}

/** `topic-partition.<32 hex digits>-delete`; a long topic is cut so that the name fits. */
export function asideName(of: TopicPartition, uuid: string, suffix: 'delete' | 'stray'): string {
  const unique = Buffer.from(uuid, 'base64url').toString('hex')
  const tail = `.${unique}-${suffix}`
  return partitionName(of).slice(0, NAME_CHARACTERS_MAX - tail.length) + tail
}
