/** Leaves a log such that the next start need not look at what it holds. */
import { abortCleaning } from './cleaning.ts'
import { flush, syncIndexes } from './flush.ts'
import { activeSegment, type LogState } from './log-state.ts'
import { producerSnapshotOffsets } from './producer-reload.ts'
import { writeProducerSnapshot } from './producer-snapshot.ts'
import { closeIndexes } from './segment.ts'

export async function closeLogCleanly(log: LogState): Promise<void> {
  const segment = activeSegment(log)
  abortCleaning(log)
  await flush(log)
  if (segment.indexesDirty) {
    segment.indexesDirty = false
    closeIndexes(segment, log.shared.files)
    await syncIndexes(log, segment, () => !log.isGone)
  }
  if (!producerSnapshotOffsets(log).includes(log.endOffset)) {
    writeProducerSnapshot(log.directory.disk, log.path, log.endOffset, log.producers)
  }
}
