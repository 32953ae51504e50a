/**
 * Replays committed batches into an image. A metadata transaction (KIP-868) is held back until its
 * end, so that it is visible wholly or not at all (R17).
 *
 * What is held back is as large as the transaction: only an active controller writes one, and ours
 * writes no other than the bootstrap records.
 */
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { ApplyError } from './apply.ts'
import type { MutableImage } from './create-image.ts'
import type { Changes } from './delta.ts'

export type Batch = {
  lastOffset: number
  epoch: number
  appendTimestampMs: number
  records: readonly MetadataRecord[]
}

export type Replay = {
  /** @throws ApplyError */
  apply(batch: Batch, changes?: Changes): void
  /** The transaction whose end has not been seen. */
  open(): { name: string | null } | undefined
}

type Transaction = { name: string | null; records: MetadataRecord[] }

export function createReplay(image: MutableImage): Replay {
  let open: Transaction | undefined

  const become = (next: Transaction | undefined): void => {
    const before = open
    open = next
    image.onRevert(() => {
      open = before
    })
  }

  function hold({ records }: Transaction, record: MetadataRecord): void {
    records.push(record)
    image.onRevert(() => records.pop())
  }

  function replay(record: MetadataRecord, changes: Changes | undefined): void {
    switch (record.type) {
      case 'BeginTransactionRecord':
        if (open !== undefined) throw new ApplyError('a transaction is open', record)
        become({ name: record.name, records: [] })
        return
      case 'EndTransactionRecord': {
        if (open === undefined) throw new ApplyError('no transaction is open', record)
        const { records } = open
        become(undefined)
        for (const held of records) image.apply(held, changes)
        return
      }
      case 'AbortTransactionRecord':
        if (open === undefined) throw new ApplyError('no transaction is open', record)
        become(undefined)
        return
      default:
        if (open === undefined) image.apply(record, changes)
        else hold(open, record)
    }
  }

  return {
    apply({ lastOffset, epoch, appendTimestampMs, records }, changes) {
      for (const record of records) replay(record, changes)
      // What is held back is not in the image, so its offset waits, too.
      if (open === undefined) image.advance(lastOffset, epoch, appendTimestampMs)
    },
    open: () => open && { name: open.name },
  }
}
