/**
 * `.kafka_cleanshutdown`: the last thing a clean stop writes, and the first that the next run takes
 * away, durably, before it writes anything (S3). It holds the broker epoch of the run that ended.
 */
import { type Disk, joinPath } from '../disk/disk.ts'
import { replaceFile } from './small-files.ts'

export const CLEAN_MARKER = '.kafka_cleanshutdown'
export const NO_BROKER_EPOCH = -1

/** @returns the broker epoch it held; undefined: the last stop was not clean */
export function takeCleanMarker(disk: Disk, directory: string): number | undefined {
  const path = joinPath(directory, CLEAN_MARKER)
  const content = disk.readFile(path)
  if (content === undefined) return undefined
  disk.unlink(path)
  disk.syncDirectory(directory)
  return brokerEpochOf(content)
}

export function writeCleanMarker(disk: Disk, directory: string, brokerEpoch: number) {
  replaceFile(disk, directory, CLEAN_MARKER, JSON.stringify({ version: 0, brokerEpoch }))
}

/** A marker that cannot be read proves nothing. */
function brokerEpochOf(content: Buffer): number | undefined {
  try {
    const { brokerEpoch } = JSON.parse(content.toString('utf8')) as { brokerEpoch?: unknown }
    return Number.isSafeInteger(brokerEpoch) ? (brokerEpoch as number) : undefined
  } catch {
    return undefined
  }
}
