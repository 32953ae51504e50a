/** Logs of a compacted topic: how they are filled, cleaned and shown. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CleanerLimits, Log, LogConfig } from '../../actors/ports/log.ts'
import { batches, isControl } from '../../transport/records/batch.ts'
import { encodeControlRecord } from '../../transport/records/control.ts'
import { encodeBatch, type NewBatch, records } from '../../transport/records/records.ts'
import { type Bench, logConfig, of, readAll, topicId, withStorage } from './support.ts'

export const HOUR = 3_600_000
export const compacted: LogConfig = {
  ...logConfig,
  cleanupPolicy: ['compact'],
  deleteRetentionMs: HOUR,
  indexIntervalBytes: 100,
}
export const limits: CleanerLimits = {
  mapBytesMax: 1e6,
  mapLoadFactor: 0.9,
  bytesPerSecondMax: Number.MAX_VALUE,
}

export type Pairs = Record<string, string | null>

export function put(log: Log, pairs: Pairs, more: Partial<NewBatch> & { time?: number } = {}) {
  const { time = 1_700_000_000_000, ...rest } = more
  const bytes = encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: Object.entries(pairs).map(([key, value]) => ({
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      headers: [{ key: 'for', value: Buffer.from(key) }],
      timestamp: time,
    })),
    ...rest,
  })
  const leaderEpoch = Math.max(0, rest.leaderEpoch ?? 0)
  return log.appendAsLeader(bytes, { leaderEpoch, nowMs: time, origin: 'coordinator' })
}

export function mark(log: Log, producerId: number, type: 'commit' | 'abort') {
  const { key, value } = encodeControlRecord({ type, coordinatorEpoch: 0 })
  const bytes = encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: [{ key, value, timestamp: 1_700_000_000_000 }],
    producerId,
    producerEpoch: 0,
    isTransactional: true,
    isControl: true,
  })
  log.appendAsLeader(bytes, { leaderEpoch: 0, nowMs: 0, origin: 'coordinator' })
}

/** `offset key=value`, markers as `offset !`, header-only batches as `first-last`. */
export function show(log: Log): string[] {
  const bytes = readAll(log)
  return [...batches(bytes)].flatMap((at) => {
    const inside = [...records(bytes, at)].map(({ offset, key, value }) =>
      isControl(bytes, at) ? `${offset} !` : `${offset} ${key}=${value ?? ''}`,
    )
    if (inside.length > 0) return inside
    const base = Number(bytes.readBigInt64BE(at))
    return [`${base}-${base + bytes.readInt32BE(at + 23)}`]
  })
}

/** Rolls, so that all so far can be cleaned, and cleans up to the log end. */
export async function compact(log: Log, { clock }: Bench, more: Partial<CleanerLimits> = {}) {
  log.roll()
  await log.flush()
  return log.clean(log.endOffset(), clock.now(), { ...limits, ...more })
}

export const withLog = (
  scenario: (log: Log, bench: Bench) => Promise<void>,
  config: Partial<LogConfig> = {},
  options: Parameters<typeof withStorage>[1] = {},
) =>
  withStorage(async (bench) => {
    const log = (await bench.start()).create(of, topicId, { ...compacted, ...config })
    await scenario(log, bench)
  }, options)

export const named = (bench: Bench, suffix: string) =>
  readdirSync(join(bench.folder, 'orders-0')).filter((name) => name.endsWith(suffix))
