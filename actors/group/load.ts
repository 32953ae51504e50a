/**
 * A new coordinator replays its partition: slice by slice, between which the loop turns.
 *
 * It is done only when the high watermark has reached where the log ended as this broker became
 * leader. Kafka serves earlier, from records that may not be committed yet; waiting costs one fetch
 * of the followers and means that no client ever hears an offset that could be taken back (G4).
 */
import { KafkaError } from '../../transport/protocol/errors.ts'
import { batches, isControl, isTransactional, nextOffset } from '../../transport/records/batch.ts'
import { records } from '../../transport/records/records.ts'
import type { TopicPartition } from '../ports/log.ts'
import { StorageError } from '../ports/log.ts'
import type { PartitionView, ReplicaManager } from '../replica/types.ts'
import type { Environment } from './environment.ts'
import { type Group, newGroup } from './members.ts'
import { readRecord } from './records.ts'
import type { Shard } from './shard.ts'

/** Bytes of log that are replayed before the loop turns: some milliseconds. */
const SLICE_BYTES = 128 * 1024
/** Groups with members that are woken before it does. */
const GROUPS_PER_SLICE = 100
/** Until the replica manager has made this broker leader of what the image says it leads. */
const RETRY_MS = 20
const NOTHING = Buffer.alloc(0)

export type LoadPorts = {
  env: Environment
  replicas: Pick<ReplicaManager, 'get' | 'whenCommitted'>
  halt: (why: unknown) => void
}

export function load(of: TopicPartition, shard: Shard, ports: LoadPorts): void {
  const { env, replicas } = ports
  const beganAt = env.clock.monotonic()

  function later(ms: number, step: () => void) {
    env.clock.setTimeout(() => guarded(step), ms)
  }

  /** What cannot be read fails this partition; what cannot be true ends the node. */
  function guarded(step: () => void) {
    if (shard.phase !== 'loading') return
    try {
      step()
    } catch (error) {
      if (!(error instanceof KafkaError) && !(error instanceof StorageError)) {
        ports.halt(error)
        return
      }
      shard.phase = 'failed'
      env.log.error({ err: error, partition: of.partition }, 'groups could not be loaded')
    }
  }

  let next = -1

  function begin() {
    const view = replicas.get(of)
    if (view === undefined || !view.isLeader()) {
      later(RETRY_MS, begin)
      return
    }
    if (next < 0) next = view.logStartOffset()
    replay(view, view.logEndOffset())
  }

  function replay(view: PartitionView, end: number) {
    const highWatermark = view.highWatermark()
    const slice = next < highWatermark ? view.readCommitted(next, SLICE_BYTES) : NOTHING
    if (slice.length > 0) {
      next = Math.max(next, replayBatches(env, shard, slice))
      later(0, () => replay(view, end))
    } else if (highWatermark >= end) {
      // Compaction may have left nothing of what was there up to the end.
      resume([...shard.groups.values()].filter((group) => group.members.size > 0))
    } else {
      replicas.whenCommitted(of, end - 1, (committed) => {
        // Leadership that is lost for good is heard of with the metadata.
        if (committed) guarded(() => replay(view, end))
        else later(RETRY_MS, begin)
      })
    }
  }

  /** Members get a whole session from now on, wherever it stood. */
  function resume(groups: Group[]) {
    for (const group of groups.splice(0, GROUPS_PER_SLICE)) env.resume(group)
    if (groups.length > 0) {
      later(0, () => resume(groups))
      return
    }
    const { partition } = of
    const ms = Math.round(env.clock.monotonic() - beganAt)
    shard.phase = 'active'
    env.log.info({ partition, groups: shard.groups.size, ms }, 'groups loaded')
  }

  later(0, begin)
}

/** @returns the offset behind the last whole batch */
function replayBatches(env: Environment, shard: Shard, slice: Buffer): number {
  let next = 0
  for (const at of batches(slice)) {
    next = nextOffset(slice, at)
    if (isControl(slice, at)) continue
    // Offsets of a transaction count only with its marker; no transactional api is offered yet.
    if (isTransactional(slice, at)) {
      env.log.warn({ offset: next - 1 }, 'offsets of a transaction are not replayed')
      continue
    }
    for (const { key, value } of records(slice, at)) {
      if (key !== null) replayRecord(env, shard, key, value)
    }
  }
  return next
}

function replayRecord(env: Environment, shard: Shard, key: Buffer, value: Buffer | null): void {
  const read = readRecord(key, value)
  const { groups, offsets } = shard
  switch (read.type) {
    case 'offset': {
      const { groupId } = read
      if (read.value !== null && !groups.has(groupId)) {
        groups.set(groupId, newGroup(groupId, env.clock.now()))
      }
      offsets.replay(groupId, read.key, read.value)
      return
    }
    case 'group':
      if (read.group === null) groups.delete(read.groupId)
      else groups.set(read.groupId, read.group)
      return
    case 'other':
      env.log.debug({ keyType: read.keyType }, 'a record of an unknown kind was skipped')
  }
}
