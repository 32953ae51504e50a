/** Leaves a log such that the next start need not look at what it holds. */
import { flush } from './flush.ts'
import { activeSegment, type LogState } from './log-state.ts'
import { producerSnapshotOffsets } from './producer-reload.ts'
import { writeProducerSnapshot } from './producer-snapshot.ts'
import { closeIndexes } from './segment.ts'

export async function closeLogCleanly(log: LogState): Promise<void> {
  const segment = activeSegment(log)
  const { files, syncs } = log.shared
  await flush(log)
  if (segment.indexesDirty) {
    closeIndexes(segment, files)
    segment.indexesDirty = false
    for (const { file } of [segment.offsets, segment.times]) {
      await syncs.run(() => files.whilePinned(file, (fd) => log.directory.disk.datasync(fd)))
    }
  }
  if (!producerSnapshotOffsets(log).includes(log.endOffset)) {
    writeProducerSnapshot(log.directory.disk, log.path, log.endOffset, log.producers)
  }
}
