/**
 * `quorum-state`: the vote and the leader of the newest epoch (KIP-595, KIP-853), JSON as Kafka
 * writes it. Version 0 (static voters) has no directory ids and is read as such.
 */
import type { QuorumState } from '../../actors/ports/quorum-store.ts'
import { type Disk, joinPath } from '../disk/disk.ts'
import { MalformedFileError, replaceFile } from './small-files.ts'

export const QUORUM_STATE = 'quorum-state'
const VERSION = 1
/** Kafka's zero uuid: no directory. */
const NO_DIRECTORY = 'AAAAAAAAAAAAAAAAAAAAAA'

/** @throws MalformedFileError: a vote that cannot be read might be cast twice */
export function readQuorumState(disk: Disk, directory: string): QuorumState | undefined {
  const path = joinPath(directory, QUORUM_STATE)
  const content = disk.readFile(path)
  if (content === undefined) return undefined
  const found = parseJson(path, content)
  const version = found['data_version']
  if (version !== 0 && version !== VERSION) {
    throw new MalformedFileError(path, `data_version ${String(version)}`)
  }
  const { leaderId, leaderEpoch, votedId, votedDirectoryId } = found
  if (!isId(leaderId) || !isId(leaderEpoch) || !isId(votedId)) {
    throw new MalformedFileError(path, 'leaderId, leaderEpoch or votedId is no id')
  }
  const directoryId = typeof votedDirectoryId === 'string' ? votedDirectoryId : NO_DIRECTORY
  const votedDirectory = directoryId === NO_DIRECTORY ? null : directoryId
  return { leaderId, leaderEpoch, votedId, votedDirectoryId: votedDirectory }
}

const isId = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= -1

function parseJson(path: string, content: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(content.toString('utf8')) as Record<string, unknown>
  } catch {
    throw new MalformedFileError(path, 'it is not JSON')
  }
}

export function writeQuorumState(disk: Disk, directory: string, state: QuorumState) {
  const { leaderId, leaderEpoch, votedId, votedDirectoryId } = state
  const fields = {
    leaderId,
    leaderEpoch,
    votedId,
    votedDirectoryId: votedDirectoryId ?? NO_DIRECTORY,
    data_version: VERSION,
  }
  replaceFile(disk, directory, QUORUM_STATE, JSON.stringify(fields))
}
