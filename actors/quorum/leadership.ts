/**
 * One epoch that this replica leads: what it appends, whom it serves, what is committed.
 *
 * Source: KIP-595. The leader counts itself by what it has synced (S4); an offset is committed when
 * a majority of the voter set in force has it and an entry of this epoch is below it (R9).
 */
import { includes, isSame } from '../../machines/quorum/votes.ts'
import type { ControlRecord } from '../../transport/records/control.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { invariant } from '../invariant.ts'
import {
  encodeControlBatch,
  kraftVersionRecord,
  leaderChange,
  votersRecord,
} from './control-records.ts'
import { encodeDataBatch } from './data-records.ts'
import { createParkedFetches, type ParkedFetches } from './parked-fetches.ts'
import { createProgress, type FetchSeen, type Progress } from './progress.ts'
import { type Replica, voters } from './replica.ts'
import { RecordBatchTooLargeError, type ReplicaKey, type Voter } from './types.ts'

export type Leadership = {
  readonly epoch: number
  readonly epochStartOffset: number
  readonly progress: Progress
  readonly parked: ParkedFetches
  /** What fetchers are told: unknown (-1) until the epoch's own start is committed. */
  highWatermark(): number
  append(records: MetadataRecord[]): number
  /** A fetch in this epoch, sound or not, says that its sender is in contact. */
  contact(seen: Omit<FetchSeen, 'leaderEndOffset'>): void
  /** R12: no other change is under way, and something of this epoch is committed. */
  mayChangeVoters(): boolean
  appendVoters(changed: Voter[]): number
  /** No more appends; parked fetches are answered. */
  end(): void
}

const batchBytesMax = 8 * 1024 * 1024
/** Kafka forgets an observer that has not fetched for five minutes. */
const observerSessionMs = 300_000

export function startLeadership(
  replica: Replica,
  epoch: number,
  granting: ReplicaKey[],
): Leadership {
  const { log, clock, self } = replica
  const epochStartOffset = log.endOffset()
  const progress = createProgress(self, epochStartOffset)
  const parked = createParkedFetches(clock)
  let committed: number | undefined
  let ended = false
  let waking = false
  let flushing = false

  const highWatermark = () => committed ?? -1

  /** Appends of one turn are told, and synced, together. */
  function afterAppend(): void {
    if (!waking) {
      waking = true
      queueWake()
    }
    if (!flushing) {
      flushing = true
      replica.spawn(flush)
    }
  }

  function queueWake(): void {
    replica.spawn(async () => {
      await null
      waking = false
      if (!ended) parked.wake(log.endOffset(), highWatermark())
    })
  }

  async function flush(): Promise<void> {
    await null
    while (!ended && replica.running() && log.durableEndOffset() < log.endOffset()) {
      await log.flush()
      advance()
    }
    flushing = false
  }

  function advance(): void {
    if (ended) return
    const next = progress.committed(voters(replica), log.durableEndOffset())
    if (next === undefined || next <= highWatermark()) return
    const isFirst = committed === undefined
    committed = next
    if (isFirst) replica.send({ type: 'epochCommitted', epoch })
    replica.raiseHighWatermark(next)
    parked.wake(log.endOffset(), next)
    const { offset } = replica.voterSets.inForce()
    const left = !includes(voters(replica), self)
    if (left && offset < next) replica.send({ type: 'resign', epoch })
  }

  function append(batch: Buffer): number {
    invariant(!ended, 'R6: only a leader appends')
    if (batch.length > batchBytesMax) {
      throw new RecordBatchTooLargeError(`a batch of ${batch.length} bytes, above ${batchBytesMax}`)
    }
    const { lastOffset } = log.appendAsLeader(batch, epoch, clock.now())
    afterAppend()
    return lastOffset
  }

  const place = () => ({
    baseOffset: log.endOffset(),
    leaderEpoch: epoch,
    timestampMs: clock.now(),
  })

  /** Who leads; and the voters once, where only the bootstrap snapshot knows them so far. */
  function appendStart(): void {
    const { offset, voters: set } = replica.voterSets.inForce()
    const records: ControlRecord[] = [leaderChange(self.id, set, granting)]
    const level = replica.voterSets.kraftVersion()
    if (level > 0 && offset === -1) {
      records.push(kraftVersionRecord(level), votersRecord(set.map(withOwnEndpoints)))
    }
    append(encodeControlBatch({ ...place(), records }))
  }

  const withOwnEndpoints = (voter: Voter): Voter =>
    isSame(voter, self) ? { ...voter, endpoints: replica.endpoints } : voter

  appendStart()

  return {
    epoch,
    epochStartOffset,
    progress,
    parked,
    highWatermark,
    append: (records) => append(encodeDataBatch({ ...place(), records })),
    contact(seen) {
      const isIntact = progress.fetched({ ...seen, leaderEndOffset: log.endOffset() })
      if (!isIntact) {
        const { replica: key, incarnationId, offset } = seen
        replica.logger.error({ ...key, incarnationId, offset }, 'a replica lost what it had')
      }
      if (seen.isValid) advance()
      if (progress.majorityFetched(voters(replica))) {
        replica.send({ type: 'majorityFetched', epoch })
        progress.forgetIdle(voters(replica), seen.nowMs - observerSessionMs)
      }
    },
    mayChangeVoters: () =>
      committed !== undefined && replica.voterSets.inForce().offset < committed,
    appendVoters: (changed) =>
      append(encodeControlBatch({ ...place(), records: [votersRecord(changed)] })),
    end() {
      ended = true
      parked.wakeAll()
    },
  }
}
