/**
 * Pulls a snapshot from the leader, piece by piece, and puts it in the place of the log (KIP-630).
 *
 * Until its last byte is there and every batch is sound, nobody sees it: R16. A change of leader
 * or epoch gives the download up.
 */

import { errorName, KafkaError } from '../../transport/protocol/errors.ts'
import { batches, batchSize, checkBatch } from '../../transport/records/batch.ts'
import { FetchSnapshot } from '../../transport/schemas/59-fetch-snapshot.ts'
import type { SnapshotId, SnapshotWriter } from '../ports/quorum-store.ts'
import { ask } from './elections.ts'
import { type Replica, topicName } from './replica.ts'

type Source = { leaderId: number; epoch: number; id: SnapshotId }

const fetchSnapshotVersion = 1
/** Pieces that are lost, refused or of no sense, in a row, before the fetch is tried anew. */
const failuresMax = 5

/** @returns whether the snapshot is in force now */
export async function downloadSnapshot(
  replica: Replica,
  source: Source,
  isCurrent: () => boolean,
): Promise<boolean> {
  const { log, snapshots, logger } = replica
  const { id, epoch, leaderId } = source
  if (id.offset <= replica.highWatermark()) return false
  logger.info({ ...id, leaderId }, 'downloading a metadata snapshot')
  const writer = snapshots.createSnapshot(id)
  try {
    if (!(await pull(replica, source, writer, isCurrent))) {
      writer.abandon()
      return false
    }
  } catch (error) {
    writer.abandon()
    throw error
  }
  log.installSnapshot(id, replica.highWatermark())
  replica.raiseHighWatermark(id.offset)
  replica.send({ type: 'fetched', epoch })
  logger.info({ ...id }, 'metadata snapshot installed')
  return true
}

/** Writes the whole file and freezes it. */
async function pull(
  replica: Replica,
  { leaderId, epoch, id }: Source,
  writer: SnapshotWriter,
  isCurrent: () => boolean,
): Promise<boolean> {
  const checked = batchChecker()
  for (let failures = 0; failures < failuresMax; ) {
    const position = writer.sizeBytes()
    const answer = await ask(
      replica,
      FetchSnapshot,
      fetchSnapshotVersion,
      leaderId,
      request(replica, { epoch, id, position }),
      replica.config.requestTimeoutMs,
    )
    if (!isCurrent()) return false
    const piece = answer?.topics[0]?.partitions[0]
    if (answer?.errorCode !== 0 || piece === undefined) {
      failures++
      await replica.sleep(replica.config.retryBackoffMs)
      continue
    }
    const { leaderId: named, leaderEpoch } = piece.currentLeader
    replica.send({ type: 'learned', leaderId: named, epoch: leaderEpoch, fromId: leaderId })
    if (!isCurrent()) return false
    if (piece.errorCode !== 0) {
      replica.logger.warn({ ...id, error: errorName(piece.errorCode) }, 'snapshot not served')
      return false
    }
    const bytes = piece.unalignedRecords ?? Buffer.alloc(0)
    if (piece.position !== position || bytes.length === 0) {
      failures++
      continue
    }
    failures = 0
    replica.send({ type: 'fetched', epoch })
    writer.append(bytes)
    if (!checked.take(bytes)) {
      replica.logger.warn({ ...id, position }, 'a downloaded snapshot is damaged')
      return false
    }
    if (writer.sizeBytes() >= piece.size) {
      if (!checked.isWhole() || writer.sizeBytes() !== piece.size) return false
      writer.freeze()
      return true
    }
  }
  return false
}

const request = (
  { clusterId, self, config }: Replica,
  { epoch, id, position }: { epoch: number; id: SnapshotId; position: number },
) => ({
  clusterId,
  replicaId: self.id,
  maxBytes: config.fetchSnapshotMaxBytes,
  topics: [
    {
      name: topicName,
      partitions: [
        {
          partition: 0,
          currentLeaderEpoch: epoch,
          snapshotId: { endOffset: id.offset, epoch: id.epoch },
          position,
          replicaDirectoryId: self.directoryId,
        },
      ],
    },
  ],
})

/** Checks each batch of a stream once its last byte is there; holds at most one batch. */
function batchChecker() {
  let rest: Buffer = Buffer.alloc(0)
  return {
    take(bytes: Buffer): boolean {
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
      try {
        let end = 0
        for (const at of batches(rest)) {
          checkBatch(rest, at)
          end = at + batchSize(rest, at)
        }
        rest = rest.subarray(end)
        return true
      } catch (error) {
        if (error instanceof KafkaError) return false
        throw error
      }
    },
    isWhole: () => rest.length === 0,
  }
}
