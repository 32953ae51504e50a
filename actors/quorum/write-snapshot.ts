/**
 * Writes a snapshot of what is committed, slice by slice, and then lets go of the log that it makes
 * superfluous (KIP-630). The file appears whole or not at all.
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { invariant } from '../invariant.ts'
import type { SnapshotId } from '../ports/quorum-store.ts'
import type { Replica } from './replica.ts'
import { snapshotBatches } from './snapshot-file.ts'

/** @returns its size in bytes, undefined when a snapshot reaches as far already */
export async function writeSnapshot(
  replica: Replica,
  id: SnapshotId,
  lastContainedTimestampMs: number,
  slices: Iterable<MetadataRecord[]>,
): Promise<number | undefined> {
  const { log, snapshots, voterSets, clock, config, logger } = replica
  const latest = log.latestSnapshot()
  if (latest !== undefined && latest.offset >= id.offset) return undefined
  invariant(id.offset <= replica.highWatermark(), 'R16: a snapshot holds only what is committed', {
    ...id,
    highWatermark: replica.highWatermark(),
  })
  const startedMs = clock.monotonic()
  const bytes = snapshotBatches(id, clock.now())
  const writer = snapshots.createSnapshot(id)
  try {
    writer.append(bytes.head({ lastContainedTimestampMs, ...voterSets.before(id.offset) }))
    for (const records of slices) {
      if (records.length > 0) writer.append(bytes.data(records))
      await replica.sleep(0)
      if (!replica.running()) {
        writer.abandon()
        return undefined
      }
    }
    writer.append(bytes.foot())
    const sizeBytes = writer.sizeBytes()
    writer.freeze()
    const { retentionBytes, retentionMs } = config
    log.clean({ retentionBytes, retentionMs, nowMs: clock.now() })
    const tookMs = Math.round(clock.monotonic() - startedMs)
    logger.info({ ...id, sizeBytes, tookMs }, 'metadata snapshot written')
    return sizeBytes
  } catch (error) {
    writer.abandon()
    throw error
  }
}
