/** Real files in a temporary folder, a clock that stands still, and batches by the word. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../actors/ports/clock.ts'
import type { Log, LogConfig, LogStore } from '../../actors/ports/log.ts'
import type { Random } from '../../actors/ports/random.ts'
import type { Disk } from '../../runtime/disk/disk.ts'
import { nodeDisk } from '../../runtime/disk/node-disk.ts'
import { type Directories, openDirectories } from '../../runtime/storage/directories.ts'
import { openLogStore } from '../../runtime/storage/log-store.ts'
import { writeMetaProperties } from '../../runtime/storage/meta-properties.ts'
import { encodeBatch, type NewBatch } from '../../transport/records/records.ts'
import type { Timer } from '../../transport/timers.ts'

export const clusterId = 'AAAAAAAAQACAAAAAAAAAAQ'
export const topicId = 'b1c2d3e4QACAAAAAAAAAAQ'
export const of = { topic: 'orders', partition: 0 }
const startedAt = 1_700_000_000_000

export type TestClock = Clock & { advance(ms: number): void }

export function testClock(): TestClock {
  let now = startedAt
  return {
    now: () => now,
    monotonic: () => now,
    advance(ms) {
      now += ms
    },
    setTimeout: (fn, ms) => setTimeout(fn, Math.min(ms, 1)) as unknown as Timer,
    clearTimeout: (timer) => clearTimeout(timer as unknown as NodeJS.Timeout),
  }
}

/** Uuids that are all different and the same in every run. */
export function countingRandom(): Random {
  let count = 0
  return {
    next: () => 0.5,
    below: (bound) => count++ % bound,
    uuid: () => Buffer.from(String(++count).padStart(16, '0')).toString('base64url'),
  }
}

export const silent = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silent,
}

export const logConfig: LogConfig = {
  segmentBytes: 1024 * 1024 * 1024,
  segmentMs: 7 * 86_400_000,
  segmentJitterMs: 0,
  segmentIndexBytes: 10 * 1024 * 1024,
  indexIntervalBytes: 4096,
  retentionBytes: -1,
  retentionMs: 7 * 86_400_000,
  maxMessageBytes: 1_048_588,
  cleanupPolicy: ['delete'],
  messageTimestampType: 'CreateTime',
  messageTimestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  messageTimestampAfterMaxMs: 3_600_000,
  compressionType: 'producer',
  fileDeleteDelayMs: 60_000,
  flushMessages: Number.MAX_SAFE_INTEGER,
  flushMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 86_400_000,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  minCleanableDirtyRatio: 0.5,
  producerIdExpirationMs: 86_400_000,
}

export type Bench = {
  folder: string
  clock: TestClock
  /** Opens the store anew, after `stop` or `crash`. */
  start(config?: Partial<LogConfig>): Promise<LogStore>
  stop(brokerEpoch?: number): Promise<void>
  /** As kill -9. */
  crash(): void
  directories(): Directories
}

/** One node's storage over formatted temporary directories, removed after `scenario`. */
export async function withStorage(
  scenario: (bench: Bench) => Promise<void>,
  options: { disk?: Disk; names?: string[]; openFilesMax?: number; tailBytesMax?: number } = {},
): Promise<void> {
  const { disk = nodeDisk, names = ['data'], openFilesMax = 100, tailBytesMax = 1e6 } = options
  const root = mkdtempSync(join(tmpdir(), 'samsa-storage-'))
  const folders = names.map((name) => join(root, name))
  folders.forEach((folder, index) => {
    const directoryId = Buffer.from(`directory-${index}`.padEnd(16)).toString('base64url')
    writeMetaProperties(nodeDisk, folder, { clusterId, nodeId: 1, directoryId })
  })
  const clock = testClock()
  const random = countingRandom()
  let directories: Directories | undefined
  let store: LogStore | undefined
  const bench: Bench = {
    folder: folders[0]!,
    clock,
    directories: () => directories!,
    async start(config = {}) {
      directories = openDirectories({ disk, logDirs: folders, nodeId: 1, clusterId })
      const configOf = () => ({ ...logConfig, ...config })
      store = await openLogStore({
        directories,
        clock,
        random,
        logger: silent,
        configOf,
        openFilesMax,
        tailBytesMax,
      })
      return store
    },
    async stop(brokerEpoch = 7) {
      await store!.closeCleanly(brokerEpoch, [])
      directories!.release()
      store = undefined
    },
    crash() {
      store?.abandon()
      directories?.release()
      store = undefined
    },
  }
  try {
    await scenario(bench)
  } finally {
    bench.crash()
    // Syncs in flight end before their files go.
    await new Promise((resolve) => setTimeout(resolve, 5))
    rmSync(root, { recursive: true, force: true })
  }
}

/** Waits for what is done in the background. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries === 1000) throw new Error(`in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** A batch with one record per value, as a producer sends it. */
export function batchOf(
  values: string[],
  more: Partial<NewBatch> & { time?: number } = {},
): Buffer {
  const { time = startedAt, ...rest } = more
  return encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: values.map((value) => ({ key: null, value: Buffer.from(value), timestamp: time })),
    ...rest,
  })
}

export function append(log: Log, records: Buffer, leaderEpoch = 0) {
  return log.appendAsLeader(records, { leaderEpoch, nowMs: startedAt, origin: 'client' })
}

export const readAll = (log: Log) => readFrom(log, log.startOffset(), log.endOffset())

/** Everything between two offsets, however many reads it takes. */
export function readFrom(log: Log, from: number, upTo: number): Buffer {
  const parts: Buffer[] = []
  for (let next = from; next < upTo; ) {
    const bytes = log.read(next, 64 * 1024, upTo, true)
    if (bytes.length === 0) break
    parts.push(bytes)
    next = endOf(bytes)
  }
  return Buffer.concat(parts)
}

function endOf(records: Buffer): number {
  let at = 0
  let next = 0
  while (at < records.length) {
    next = Number(records.readBigInt64BE(at)) + records.readInt32BE(at + 23) + 1
    at += 12 + records.readInt32BE(at + 8)
  }
  return next
}
