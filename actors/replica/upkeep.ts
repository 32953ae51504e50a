/**
 * What a broker does for its replicas by the clock: who lags is put out of the ISR, high watermarks
 * and the logs' own offsets are checkpointed, old segments go, compacted topics are compacted. Each in
 * slices, between which the loop turns (decision 10).
 *
 * Source: the tasks of Kafka's ReplicaManager, LogManager and LogCleaner.
 */
import type { Timer } from '../../transport/timers.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import { type LogStore, StorageError, type TopicPartition } from '../ports/log.ts'
import { createCleaning } from './cleaning.ts'
import type { Leading } from './leader.ts'
import type { Partition } from './partition.ts'

type Ports = {
  clock: Clock
  config: Config
  store: LogStore
  log: Logger
  leading: Leading
  rows(): Iterable<Partition>
  /** The log start moved. */
  changed(partition: Partition): void
  halt(why: unknown): void
}

const SLICE = 100

export function createUpkeep({ clock, config, store, log, leading, rows, changed, halt }: Ports) {
  const timers = new Set<Timer>()
  const cleaning = createCleaning({ clock, config, log, rows, halt })
  let stopped = false

  function after(ms: number, task: () => void) {
    if (stopped) return
    const timer = clock.setTimeout(() => {
      timers.delete(timer)
      task()
    }, ms)
    timers.add(timer)
  }

  /** A failed directory is told by its own listener; anything else is a fault of ours. */
  function attempt(task: () => void) {
    try {
      task()
    } catch (error) {
      if (!(error instanceof StorageError)) return halt(error)
      log.warn({ err: error }, 'upkeep met a failed log directory')
    }
  }

  /** Runs `task` on every row, some at a time, and again `periodMs()` after it is through. */
  function everyRow(firstMs: number, periodMs: () => number, task: (row: Partition) => void) {
    const slice = (left: Partition[]) => {
      for (const row of left.splice(0, SLICE)) if (!row.removed) attempt(() => task(row))
      if (left.length > 0) after(0, () => slice(left))
      else after(periodMs(), begin)
    }
    const begin = () => slice([...rows()])
    after(firstMs, begin)
  }

  function retain(row: Partition) {
    const { log: own } = row
    if (own === undefined || row.role === 'assigned') return
    const { deletedSegments, startOffset } = own.applyRetention(row.highWatermark, clock.now())
    if (deletedSegments === 0) return
    const { topic, partition } = row
    log.info({ topic, partition, deletedSegments, startOffset }, 'old segments deleted')
    changed(row)
  }

  function every(name: string, task: () => void) {
    after(config.int(name), () => {
      attempt(task)
      every(name, task)
    })
  }

  const flushIdle = () => {
    for (const { log: own, removed } of rows()) if (!removed) own?.flushIfDue(clock.now())
  }

  function* offsets(): Iterable<TopicPartition & { offset: number }> {
    for (const { topic, partition, highWatermark, log: own } of rows()) {
      if (own !== undefined) yield { topic, partition, offset: highWatermark }
    }
  }

  return {
    start(): void {
      const sweepMs = () => config.int('replica.lag.time.max.ms') / 2
      everyRow(sweepMs(), sweepMs, (row) => leading.sweep(row))
      const retentionMs = () => config.int('log.retention.check.interval.ms')
      everyRow(Math.min(30_000, retentionMs()), retentionMs, retain)
      every('replica.high.watermark.checkpoint.interval.ms', () => {
        void store.checkpointHighWatermarks(offsets())
      })
      every('log.flush.offset.checkpoint.interval.ms', () => {
        void store.checkpointRecoveryPoints()
      })
      every('log.flush.start.offset.checkpoint.interval.ms', () => {
        void store.checkpointLogStarts()
      })
      every('log.flush.scheduler.interval.ms', flushIdle)
      cleaning.start()
    },
    stop(): void {
      stopped = true
      cleaning.stop()
      for (const timer of timers) clock.clearTimeout(timer)
      timers.clear()
    },
  }
}
