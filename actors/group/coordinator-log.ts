/**
 * One partition of `__consumer_offsets`, as its coordinator writes it.
 *
 * An append takes its place in the log at once and is applied at once to what later requests are
 * checked against; it is committed later, in log order, and only then read by clients and reported
 * as done. As in Kafka, an append goes to the leader's log without waiting (acks=1), and the high
 * watermark tells the rest: so a write that timed out still counts when it is committed after all.
 */
import type { ErrorName } from '../../transport/protocol/errors.ts'
import { refuse } from '../../transport/protocol/errors.ts'
import { encodeBatch } from '../../transport/records/records.ts'
import { invariant } from '../invariant.ts'
import type { Clock } from '../ports/clock.ts'
import type { TopicPartition } from '../ports/log.ts'
import type { ReplicaManager } from '../replica/types.ts'

/** Writes that may wait for the high watermark; beyond it clients are told to try later. */
const UNCOMMITTED_WRITES_MAX = 10_000

export type KeyValue = { key: Buffer; value: Buffer | null }

export type Write = {
  records: KeyValue[]
  /** Makes the records part of what requests are checked against; called before anything else. */
  apply?: () => void
  /** The records are committed, however late. */
  committed?: () => void
  /** Called once: 'NONE' when committed in time, else what the client is told. */
  done?: (error: ErrorName) => void
}

export type CoordinatorLog = {
  /** @throws KafkaError with what a coordinator answers: nothing was stored, nothing applied */
  write(write: Write): void
  /** How many writes were ever taken; to see whether something was written meanwhile. */
  writes(): number
  /** Told once: when the newest write is committed, or what its client is told. */
  whenNewestDone(done: (error: ErrorName) => void): void
  /** No leader any more: who waits is told NOT_COORDINATOR, late commits are not heard. */
  close(): void
}

/** What a coordinator answers for a log that failed it. */
export function coordinatorError(error: ErrorName): ErrorName {
  switch (error) {
    case 'UNKNOWN_TOPIC_OR_PARTITION':
    case 'NOT_ENOUGH_REPLICAS':
    case 'NOT_ENOUGH_REPLICAS_AFTER_APPEND':
    case 'REQUEST_TIMED_OUT':
      return 'COORDINATOR_NOT_AVAILABLE'
    case 'NOT_LEADER_OR_FOLLOWER':
    case 'FENCED_LEADER_EPOCH':
    case 'KAFKA_STORAGE_ERROR':
      return 'NOT_COORDINATOR'
    case 'MESSAGE_TOO_LARGE':
    case 'RECORD_LIST_TOO_LARGE':
    case 'INVALID_FETCH_SIZE':
      return 'UNKNOWN_SERVER_ERROR'
    default:
      return error
  }
}

type Ports = {
  clock: Clock
  replicas: Pick<ReplicaManager, 'append' | 'whenCommitted'>
  timeoutMs: () => number // offsets.commit.timeout.ms
}

type Pending = { waiting: ((error: ErrorName) => void)[]; finish: (error: ErrorName) => void }

export function coordinatorLog(of: TopicPartition, ports: Ports): CoordinatorLog {
  const { clock, replicas } = ports
  const pending = new Set<Pending>()
  let uncommitted = 0
  let count = 0
  let newest: Pending | undefined
  let closed = false

  function awaitCommit(write: Write, lastOffset: number) {
    const timeoutMs = ports.timeoutMs()
    const entry: Pending = { waiting: write.done ? [write.done] : [], finish }
    const timer = clock.setTimeout(() => finish('COORDINATOR_NOT_AVAILABLE'), timeoutMs)
    pending.add(entry)
    newest = entry
    function finish(error: ErrorName) {
      if (!pending.delete(entry)) return
      clock.clearTimeout(timer)
      for (const done of entry.waiting.splice(0)) done(error)
    }
    replicas.whenCommitted(of, lastOffset, (committed) => {
      uncommitted--
      if (closed) return
      if (committed) write.committed?.()
      finish(committed ? 'NONE' : 'NOT_COORDINATOR')
    })
  }

  return {
    write(write) {
      if (closed) refuse('NOT_COORDINATOR', `${of.topic}-${of.partition} has another leader`)
      if (uncommitted >= UNCOMMITTED_WRITES_MAX) {
        refuse('COORDINATOR_NOT_AVAILABLE', `${uncommitted} writes wait to be committed`)
      }
      const timestamp = clock.now()
      const batch = encodeBatch({
        baseOffset: 0,
        leaderEpoch: -1,
        records: write.records.map(({ key, value }) => ({ key, value, timestamp })),
      })
      const appended = replicas.append(of, batch, {
        requiredAcks: 1,
        timeoutMs: ports.timeoutMs(),
        origin: 'coordinator',
      })
      invariant(!(appended instanceof Promise), 'an append with acks=1 is answered at once')
      if (appended.error !== 'NONE') {
        refuse(coordinatorError(appended.error), appended.message ?? `append: ${appended.error}`)
      }
      count++
      uncommitted++
      write.apply?.()
      awaitCommit(write, appended.baseOffset + write.records.length - 1)
    },
    writes: () => count,
    whenNewestDone(done) {
      if (newest === undefined || !pending.has(newest)) done('NONE')
      else newest.waiting.push(done)
    },
    close() {
      closed = true
      for (const entry of [...pending]) entry.finish('NOT_COORDINATOR')
    },
  }
}
