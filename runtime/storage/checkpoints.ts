/**
 * Kafka's text checkpoints: a version line, a count, then one entry a line.
 *
 * The count tells a truncated file from a short one. Offset checkpoints hold
 * `topic partition offset` for all logs of a directory; `leader-epoch-checkpoint` holds
 * `epoch start-offset` for one log.
 */
import type { TopicPartition } from '../../actors/ports/log.ts'
import { type Disk, joinPath } from '../disk/disk.ts'
import { MalformedFileError } from './small-files.ts'

export const RECOVERY_POINTS = 'recovery-point-offset-checkpoint'
export const HIGH_WATERMARKS = 'replication-offset-checkpoint'
export const LOG_STARTS = 'log-start-offset-checkpoint'
export const CLEANER_OFFSETS = 'cleaner-offset-checkpoint'
export const LEADER_EPOCHS = 'leader-epoch-checkpoint'

const VERSION = '0'

export type OffsetEntry = TopicPartition & { offset: number }
export type EpochEntry = { epoch: number; startOffset: number }

export const partitionName = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`

/** `undefined` where the file is missing. @throws MalformedFileError */
export function readOffsets(
  disk: Disk,
  directory: string,
  name: string,
): Map<string, number> | undefined {
  const path = joinPath(directory, name)
  const lines = readLines(disk, path, 3)
  if (lines === undefined) return undefined
  const offsets = new Map<string, number>()
  for (const [topic, partition, offset] of lines) {
    const of = { topic: topic!, partition: wholeNumber(path, partition!) }
    offsets.set(partitionName(of), wholeNumber(path, offset!))
  }
  return offsets
}

export const formatOffsets = (of: OffsetEntry[]) =>
  format(of.map(({ topic, partition, offset }) => `${topic} ${partition} ${offset}`))

/** @throws MalformedFileError */
export function readEpochs(disk: Disk, directory: string): EpochEntry[] | undefined {
  const path = joinPath(directory, LEADER_EPOCHS)
  const entries = readLines(disk, path, 2)?.map(([epoch, startOffset]) => ({
    epoch: wholeNumber(path, epoch!),
    startOffset: wholeNumber(path, startOffset!),
  }))
  entries?.reduce(
    (before, entry) => {
      if (entry.epoch <= before.epoch || entry.startOffset < before.startOffset) {
        throw new MalformedFileError(path, `epoch ${entry.epoch} follows ${before.epoch}`)
      }
      return entry
    },
    { epoch: -1, startOffset: -1 },
  )
  return entries
}

export const formatEpochs = (entries: readonly EpochEntry[]) =>
  format(entries.map(({ epoch, startOffset }) => `${epoch} ${startOffset}`))

const format = (lines: string[]) => `${[VERSION, lines.length, ...lines].join('\n')}\n`

function readLines(disk: Disk, path: string, fields: number): string[][] | undefined {
  const content = disk.readFile(path)
  if (content === undefined) return undefined
  const [version, count, ...rest] = content.toString('utf8').split('\n')
  if (version !== VERSION)
    throw new MalformedFileError(path, `version '${version}', not ${VERSION}`)
  const lines = rest.filter((line) => line !== '').map((line) => line.split(' '))
  const expected = wholeNumber(path, count ?? '')
  if (lines.length !== expected) {
    throw new MalformedFileError(path, `${lines.length} entries, not ${expected}`)
  }
  const odd = lines.find((line) => line.length !== fields)
  if (odd !== undefined) throw new MalformedFileError(path, `entry '${odd.join(' ')}'`)
  return lines
}

function wholeNumber(path: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new MalformedFileError(path, `'${text}' is no offset, epoch or count`)
  }
  return value
}
