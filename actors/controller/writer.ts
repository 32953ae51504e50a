/**
 * The active controller's pen: records are applied to its own image, appended as one atomic batch and
 * taken back when the leadership is lost before they are committed (M4, R17).
 */
import { KafkaError } from '../../transport/protocol/errors.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { invariant } from '../invariant.ts'
import { createImage, type MutableImage } from '../metadata/create-image.ts'
import { createReplay, type Replay } from '../metadata/replay.ts'
import type { Clock } from '../ports/clock.ts'
import {
  type CommittedBatch,
  type LoadedSnapshot,
  NotLeaderError,
  type Quorum,
  RecordBatchTooLargeError,
} from '../quorum/types.ts'
import { recordsMax } from './cluster.ts'

export type Writer = {
  image(): MutableImage
  /** The epoch in which this node writes; undefined on standby. */
  epoch(): number | undefined
  /** A metadata transaction that some earlier controller left open. */
  openTransaction(): boolean
  begin(epoch: number): void
  /** Back to the last committed point. */
  end(): void
  /**
   * One atomic batch. Nothing of it stays when this throws.
   * @returns the offset of the last record
   * @throws NotLeaderError, KafkaError for a batch that is too large
   */
  append(records: readonly MetadataRecord[]): number
  /** As many batches as it takes, in their order; a failover can fall between them. */
  appendCut(records: readonly MetadataRecord[]): void
  /** Everything written so far. @throws KafkaError NOT_CONTROLLER when leadership is lost first */
  committed(): Promise<void>
  handleCommit(batch: CommittedBatch): void
  /** Takes effect with its last step. */
  handleLoadSnapshot(snapshot: LoadedSnapshot): Generator<void>
}

export const notController = (why: string): KafkaError => new KafkaError('NOT_CONTROLLER', why)

export function createWriter(quorum: Quorum, clock: Clock): Writer {
  let image = createImage()
  let replay: Replay = createReplay(image)
  let term: number | undefined
  let committedOffset = -1

  function append(records: readonly MetadataRecord[]): number {
    if (term === undefined) throw new NotLeaderError('this node decides nothing any more')
    invariant(records.length > 0, 'a batch holds records')
    const appendTimestampMs = clock.now()
    const lastOffset = quorum.endOffset() + records.length - 1
    try {
      // Applied first: what cannot be applied never reaches the log.
      replay.apply({ lastOffset, epoch: term, appendTimestampMs, records })
      const appended = quorum.append(term, [...records])
      invariant(appended === lastOffset, 'a record takes the offset that was foreseen', {
        appended,
        lastOffset,
      })
      image.settle()
      // A quorum of one may have committed it by now.
      image.commitJournal(committedOffset)
      return lastOffset
    } catch (error) {
      image.rollback()
      if (!(error instanceof RecordBatchTooLargeError)) throw error
      throw new KafkaError('POLICY_VIOLATION', 'one operation is too large for a batch', error)
    }
  }

  return {
    image: () => image,
    epoch: () => term,
    openTransaction: () => replay.open() !== undefined,
    begin(epoch) {
      term = epoch
      image.openJournal()
    },
    end() {
      term = undefined
      image.revertJournal()
    },
    append,
    appendCut(records) {
      for (let at = 0; at < records.length; at += recordsMax) {
        append(records.slice(at, at + recordsMax))
      }
    },
    async committed() {
      try {
        await quorum.committed(image.offset)
      } catch (error) {
        if (error instanceof NotLeaderError) throw notController('leadership was lost; ask again')
        throw error
      }
    },
    handleCommit(batch) {
      if (term === undefined || batch.lastOffset > image.offset) {
        // An active controller is told of batches that it did not write only when they hold no
        // records: the quorum's own.
        invariant(term === undefined || batch.records.length === 0, 'R15: one writer an epoch')
        replay.apply(batch)
        image.settle()
      }
      committedOffset = batch.lastOffset
      image.commitJournal(committedOffset)
    },
    *handleLoadSnapshot(snapshot) {
      const next = createImage()
      for (const records of snapshot.batches) {
        for (const record of records) next.apply(record)
        yield
      }
      invariant(term === undefined, 'R16: a leader never loads a snapshot')
      image = next
      replay = createReplay(image)
      image.advance(
        snapshot.lastContainedOffset,
        snapshot.lastContainedEpoch,
        snapshot.lastContainedTimestampMs,
      )
    },
  }
}
