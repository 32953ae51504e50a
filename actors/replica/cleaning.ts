/**
 * Compacts the logs of a broker, one at a time and the dirtiest first, every `log.cleaner.backoff.ms`
 * for as long as one is due.
 *
 * Source: Kafka's LogCleaner. One turn looks at some of the rows, then the loop goes on (decision 10).
 */
import { KafkaError } from '../../transport/protocol/errors.ts'
import type { Timer } from '../../transport/timers.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../log.ts'
import type { Clock } from '../ports/clock.ts'
import { type CleanerLimits, type Log, StorageError } from '../ports/log.ts'
import type { Partition } from './partition.ts'

type Ports = {
  clock: Clock
  config: Config
  log: Logger
  rows(): Iterable<Partition>
  halt(why: unknown): void
}

const SLICE = 100

export function createCleaning({ clock, config, log, rows, halt }: Ports) {
  /** A batch in them cannot be read: another try would find the same. */
  const uncleanable = new WeakSet<Log>()
  let timer: Timer | undefined
  let stopped = false

  function after(ms: number, task: () => Promise<void>) {
    if (stopped) return
    timer = clock.setTimeout(() => {
      task().catch(halt)
    }, ms)
  }
  const pause = () =>
    new Promise<void>((resolve) => {
      clock.setTimeout(resolve, 0)
    })

  async function round() {
    for (;;) {
      const row = await dirtiest()
      if (stopped || row === undefined || !(await clean(row))) break
    }
    after(config.int('log.cleaner.backoff.ms'), round)
  }

  async function dirtiest(): Promise<Partition | undefined> {
    let found: Partition | undefined
    let ratio = -1
    let seen = 0
    for (const row of [...rows()]) {
      if (++seen % SLICE === 0) await pause()
      const dirty = dirtyRatio(row)
      if (dirty <= ratio) continue
      found = row
      ratio = dirty
    }
    return found
  }

  /** -1: it is not due. */
  function dirtyRatio(row: Partition): number {
    const { log: own } = row
    if (stopped || own === undefined || !mayClean(row) || uncleanable.has(own)) return -1
    try {
      const found = own.cleanable(row.highWatermark, clock.now())
      return found?.isDue ? found.dirtyRatio : -1
    } catch (error) {
      return failed(row, own, error)
    }
  }

  const mayClean = ({ removed, role }: Partition) => !removed && role !== 'assigned'

  /** @returns whether something was cleaned */
  async function clean(row: Partition): Promise<boolean> {
    const { log: own, topic, partition } = row
    if (own === undefined || !mayClean(row)) return false
    try {
      // Until there are transactions the last stable offset is the high watermark.
      const done = await own.clean(row.highWatermark, clock.now(), limits())
      if (done === undefined) return false
      log.info({ topic, partition, ...done }, 'log compacted')
      return true
    } catch (error) {
      failed(row, own, error)
      return true
    }
  }

  /** A failed directory is told by its own listener; anything unknown is a fault of ours. */
  function failed({ topic, partition }: Partition, own: Log, error: unknown): -1 {
    uncleanable.add(own)
    if (error instanceof KafkaError) {
      log.error({ topic, partition, err: error }, 'log cannot be compacted')
    } else if (error instanceof StorageError) {
      log.warn({ topic, partition, err: error }, 'cleaner met a failed log directory')
    } else {
      halt(error)
    }
    return -1
  }

  const limits = (): CleanerLimits => ({
    mapBytesMax: config.int('log.cleaner.dedupe.buffer.size'),
    mapLoadFactor: config.double('log.cleaner.io.buffer.load.factor'),
    bytesPerSecondMax: config.double('log.cleaner.io.max.bytes.per.second'),
  })

  return {
    start(): void {
      if (config.bool('log.cleaner.enable')) after(config.int('log.cleaner.backoff.ms'), round)
    },
    stop(): void {
      stopped = true
      if (timer !== undefined) clock.clearTimeout(timer)
    },
  }
}
