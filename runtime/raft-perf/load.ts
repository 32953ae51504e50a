/**
 * The load of `samsa raft-perf`: records of one size at one rate, appended by whichever voter leads,
 * and how long each took until it was committed.
 *
 * Latencies count from when a record was due, so that a leader that falls behind does not hide it.
 * Records linger as in Kafka's accumulator: the first one of a batch opens it, and it is appended
 * when it is full or the linger is over. What is not committed yet is bounded; past that the load
 * waits.
 */
import type { Clock } from '../../actors/ports/clock.ts'
import type { CommittedBatch, Quorum, QuorumListener } from '../../actors/quorum/types.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import { createLatencies } from './latencies.ts'

export type LoadPlan = {
  /** Bytes. */
  recordSize: number
  /** Records a second; 0: as many as possible. */
  throughput: number
  lingerMs: number
}

export type Figures = {
  epoch: number
  records: number
  seconds: number
  batches: number
  /** Ms. */
  p50: number
  p75: number
  p99: number
  p999: number
}

export type Load = QuorumListener & {
  /** What is measured starts now. */
  begin(): void
  /** Undefined while another voter leads. */
  figures(): Figures | undefined
  stop(): void
}

type Pending = { lastOffset: number; first: number; count: number; madeMs: number }

const tickMs = 1
const batchBytesMax = 1024 * 1024
/** Kafka's largest batch. */
const inFlightBytesMax = 8 * 1024 * 1024

/** Of `size` bytes as it stands in the log: one value, and what frames a configuration record. */
function recordOf(size: number): MetadataRecord {
  const framing = 14
  const value = 'x'.repeat(Math.max(0, size - framing))
  return { type: 'ConfigRecord', resourceType: 2, resourceName: 'perf', name: 'v', value }
}

export function createLoad(quorum: Quorum, clock: Clock, plan: LoadPlan): Load {
  const { recordSize, throughput, lingerMs } = plan
  const record = recordOf(recordSize)
  const batchRecordsMax = Math.max(1, Math.floor(batchBytesMax / recordSize))
  const inFlightMax = Math.max(batchRecordsMax, Math.floor(inFlightBytesMax / recordSize))
  const latencies = createLatencies()
  let epoch: number | undefined
  let startedMs = 0
  let made = 0
  let open = { first: 0, count: 0, sinceMs: 0 }
  let pending: Pending[] = []
  let inFlight = 0
  let measured = { sinceMs: 0, records: 0, batches: 0 }
  let stopped = false

  /** As a record was due by its rate; without a rate, when it was made. */
  const dueMs = (index: number, madeMs: number): number =>
    throughput === 0 ? madeMs : startedMs + (index / throughput) * 1_000

  function make(nowMs: number): void {
    const due =
      throughput === 0 ? inFlightMax : Math.floor(((nowMs - startedMs) * throughput) / 1_000) - made
    for (let left = Math.min(due, inFlightMax - inFlight); left > 0; ) {
      if (open.count === 0) open = { first: made, count: 0, sinceMs: nowMs }
      const count = Math.min(left, batchRecordsMax - open.count)
      open.count += count
      made += count
      inFlight += count
      left -= count
      if (open.count === batchRecordsMax) append()
    }
    if (open.count > 0 && nowMs - open.sinceMs >= lingerMs) append()
  }

  function append(): void {
    const { first, count, sinceMs } = open
    const records = new Array<MetadataRecord>(count).fill(record)
    const lastOffset = quorum.append(epoch!, records)
    pending.push({ lastOffset, first, count, madeMs: sinceMs })
    open = { first: 0, count: 0, sinceMs: 0 }
  }

  function tick(of: number): void {
    if (stopped || epoch !== of) return
    make(clock.monotonic())
    clock.setTimeout(() => tick(of), tickMs)
  }

  function commit(nowMs: number): void {
    const { first, count, madeMs } = pending.shift()!
    inFlight -= count
    measured.records += count
    measured.batches++
    for (let index = first; index < first + count; index++) {
      latencies.add(nowMs - dueMs(index, madeMs))
    }
  }

  function begin(): void {
    latencies.clear()
    measured = { sinceMs: clock.monotonic(), records: 0, batches: 0 }
  }

  return {
    handleCommit({ lastOffset }: CommittedBatch) {
      if (pending[0]?.lastOffset === lastOffset) commit(clock.monotonic())
    },
    handleLoadSnapshot: () => undefined,
    handleLeaderChange({ leaderId, epoch: of }) {
      pending = []
      inFlight = 0
      made = 0
      open = { first: 0, count: 0, sinceMs: 0 }
      epoch = leaderId === quorum.self.id ? of : undefined
      if (epoch === undefined) return
      startedMs = clock.monotonic()
      begin()
      clock.setTimeout(() => tick(of), tickMs)
    },
    begin,
    figures() {
      if (epoch === undefined) return undefined
      const { records, batches, sinceMs } = measured
      return {
        epoch,
        records,
        batches,
        seconds: (clock.monotonic() - sinceMs) / 1_000,
        p50: latencies.at(0.5),
        p75: latencies.at(0.75),
        p99: latencies.at(0.99),
        p999: latencies.at(0.999),
      }
    },
    stop() {
      stopped = true
    },
  }
}
