/**
 * Producer state from disk: the newest sound snapshot at or below the log end, and what follows it.
 *
 * Where a segment begins its snapshot is made anew if it is missing, as in Kafka: once retention has let go
 * of the batches before it, nothing else tells who wrote them.
 */
import { baseOffset, nextOffset } from '../../transport/records/batch.ts'
import { type LogState, segmentIndexAt } from './log-state.ts'
import {
  readProducerSnapshot,
  SNAPSHOT_SUFFIX,
  writeProducerSnapshot,
} from './producer-snapshot.ts'
import { expireProducers, type Producers, updateProducers } from './producer-state.ts'
import { findPosition } from './segment.ts'
import { MalformedFileError } from './small-files.ts'
import { walkBatches } from './walk.ts'

/** Offsets of the producer snapshots in a log's folder, rising. */
export function producerSnapshotOffsets(log: Pick<LogState, 'directory' | 'path'>): number[] {
  return log.directory.disk
    .readdir(log.path)
    .filter((name) => /^\d{20}\.snapshot$/.test(name))
    .map((name) => Number(name.slice(0, -SNAPSHOT_SUFFIX.length)))
}

export function loadProducers(log: LogState): Producers {
  const { offset, producers } = newestSnapshot(log)
  replay(log, producers, offset)
  const { config, shared } = log
  expireProducers(producers, shared.clock.now(), config.producerIdExpirationMs)
  return producers
}

function newestSnapshot(log: LogState): { offset: number; producers: Producers } {
  const usable = producerSnapshotOffsets(log).filter((offset) => offset <= log.endOffset)
  for (const offset of usable.reverse()) {
    try {
      return { offset, producers: readProducerSnapshot(log.directory.disk, log.path, offset) }
    } catch (error) {
      if (!(error instanceof MalformedFileError)) throw error
    }
  }
  return { offset: log.segments[0]!.baseOffset, producers: new Map() }
}

function replay(log: LogState, producers: Producers, from: number) {
  const { files } = log.shared
  const first = Math.max(0, segmentIndexAt(log, from))
  for (const segment of log.segments.slice(first)) {
    if (segment.baseOffset > from) {
      writeProducerSnapshot(log.directory.disk, log.path, segment.baseOffset, producers)
    }
    const position = from > segment.baseOffset ? findPosition(segment, files, from) : 0
    walkBatches(segment, files, position, 'headers', (b, at) => {
      if (nextOffset(b, at) > log.endOffset) return false
      if (baseOffset(b, at) >= from) updateProducers(producers, b, at)
      return true
    })
  }
}
