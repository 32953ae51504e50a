/**
 * Appends to partitions that this broker leads, and waits for as many replicas as acks asks.
 *
 * Source: Kafka's ReplicaManager.appendRecords and DelayedProduce. All of a request is appended
 * before anybody is told, so that a follower's next answer carries all of it.
 */
import { type ErrorName, KafkaError } from '../../transport/protocol/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { type Log, RecordValidationError, StorageError } from '../ports/log.ts'
import { pokeFollowers } from './fetch.ts'
import type { Leading } from './leader.ts'
import {
  type CommitWaiter,
  dropGoneWaiters,
  isSynced,
  type Partition,
  waitForCommit,
} from './partition.ts'
import type { AppendOptions, AppendResult } from './types.ts'

export type Appending = { partition: Partition | undefined; records: Buffer }

type Ports = { clock: Clock; leading: Leading }

const refused = (error: ErrorName, message: string | null = null): AppendResult => ({
  error,
  message,
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
})

/** Kafka's leader tells where its log begins with what it refuses to append, but for these. */
const tellsNoLogStart: ReadonlySet<ErrorName> = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'CORRUPT_MESSAGE',
])

function refusedBy(log: Log, error: KafkaError): AppendResult {
  const result = refused(error.code, error.message)
  if (!tellsNoLogStart.has(error.code)) result.logStartOffset = log.startOffset()
  if (error instanceof RecordValidationError) result.recordErrors = error.recordErrors
  return result
}

type Written = { result: AppendResult; end: number }

export function createAppends({ clock, leading }: Ports) {
  function write({ partition, records }: Appending, options: AppendOptions): Written {
    const no = (error: ErrorName): Written => ({ result: refused(error), end: -1 })
    if (partition === undefined) return no('UNKNOWN_TOPIC_OR_PARTITION')
    const { log, context, minIsr } = partition
    if (partition.role === 'offline' || log === undefined) return no('KAFKA_STORAGE_ERROR')
    if (partition.role !== 'leader') return no('NOT_LEADER_OR_FOLLOWER')
    if (options.requiredAcks === -1 && context.isr.length < minIsr) {
      const tooFew =
        `The size of the current ISR ${context.isr.length} is insufficient to satisfy the ` +
        `min.isr requirement of ${minIsr} for partition ${partition.topic}-${partition.partition}`
      return { result: refusedBy(log, new KafkaError('NOT_ENOUGH_REPLICAS', tooFew)), end: -1 }
    }
    try {
      leading.beforeAppend(partition, log.endOffset())
      const { baseOffset, lastOffset, logAppendTimeMs } = log.appendAsLeader(records, {
        leaderEpoch: context.leaderEpoch,
        nowMs: clock.now(),
        origin: options.origin,
      })
      const logStartOffset = log.startOffset()
      return {
        result: { error: 'NONE', message: null, baseOffset, logAppendTimeMs, logStartOffset },
        end: lastOffset + 1,
      }
    } catch (error) {
      if (error instanceof KafkaError) return { result: refusedBy(log, error), end: -1 }
      if (error instanceof StorageError) return no('KAFKA_STORAGE_ERROR')
      throw error
    }
  }

  /** Waits until every partition's part is committed, refused or out of time. */
  function whenAllCommitted(
    appended: readonly Appending[],
    written: readonly Written[],
    { timeoutMs, departure }: AppendOptions,
  ): AppendResult[] | Promise<AppendResult[]> {
    const results = written.map(({ result }) => result)
    const isPending = ({ result, end }: Written, index: number) =>
      result.error === 'NONE' && appended[index]!.partition!.highWatermark < end
    const pending = written.reduce((sum, each, index) => sum + (isPending(each, index) ? 1 : 0), 0)
    if (pending === 0) return results
    return new Promise((resolve) => {
      let left = pending
      const waiting = new Map<number, CommitWaiter>()
      const answer = (index: number, error: ErrorName) => {
        waiting.delete(index)
        if (error !== 'NONE') results[index] = refused(error)
        if (--left > 0) return
        clock.clearTimeout(timer)
        stay?.()
        resolve(results)
      }
      const giveUp = () => {
        for (const [index, waiter] of [...waiting]) {
          waiter.gone = true
          dropGoneWaiters(appended[index]!.partition!)
          answer(index, 'REQUEST_TIMED_OUT')
        }
      }
      const timer = clock.setTimeout(giveUp, timeoutMs)
      let stay: (() => void) | undefined
      written.forEach((each, index) => {
        if (!isPending(each, index)) return
        const partition = appended[index]!.partition!
        const waiter: CommitWaiter = {
          offset: each.end,
          gone: false,
          done: (committed) => answer(index, outcome(partition, committed)),
        }
        waiting.set(index, waiter)
        waitForCommit(partition, waiter)
      })
      stay = departure?.whenOver(giveUp)
    })
  }

  /** At once, but for topics with flush.messages=1. */
  function whenSynced(
    appended: readonly Appending[],
    written: readonly Written[],
  ): AppendResult[] | Promise<AppendResult[]> {
    const results = written.map(({ result }) => result)
    const syncs = written.flatMap(({ end }, index) => {
      const log = appended[index]!.partition?.log
      if (end < 0 || log === undefined || isSynced(log)) return []
      return log.flush().catch(() => {
        results[index] = refused('KAFKA_STORAGE_ERROR')
      })
    })
    return syncs.length === 0 ? results : Promise.all(syncs).then(() => results)
  }

  /** The ISR may have shrunk between the append and its commit (P16: the outcome is unknown). */
  const outcome = (partition: Partition, committed: boolean): ErrorName => {
    if (!committed) return 'NOT_LEADER_OR_FOLLOWER'
    return partition.maximalIsr.length < partition.minIsr
      ? 'NOT_ENOUGH_REPLICAS_AFTER_APPEND'
      : 'NONE'
  }

  return {
    /** One result for each, in their order; at once unless acks=all or a sync has to be waited for. */
    appendAll(
      all: readonly Appending[],
      options: AppendOptions,
    ): AppendResult[] | Promise<AppendResult[]> {
      const written = all.map((each) => write(each, options))
      const grown: Partition[] = []
      for (let i = 0; i < all.length; i++) {
        if (written[i]!.end >= 0) grown.push(all[i]!.partition!)
      }
      for (const partition of grown) leading.advance(partition)
      pokeFollowers(grown)
      if (options.requiredAcks === -1) return whenAllCommitted(all, written, options)
      // A coordinator waits for the commit by itself.
      const isAwaited = options.requiredAcks === 1 && options.origin === 'client'
      return isAwaited ? whenSynced(all, written) : written.map(({ result }) => result)
    },
  }
}
