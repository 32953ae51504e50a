/**
 * The group coordinator of a broker: one shard for each partition of `__consumer_offsets` that it
 * leads, loaded when it becomes leader and given up, with everybody who waits, when it no longer is.
 *
 * Source: KIP-62, 134, 345, 394; the classic protocol as Kafka 4.3 serves it.
 */
import type { InspectionEvent } from 'xstate'
import { refuse } from '../../transport/protocol/errors.ts'
import type { Asker } from '../apis/handler.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../log.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import type { ReplicaManager } from '../replica/types.ts'
import { commitOffsets, fetchOffsets } from './commit-offsets.ts'
import { coordinatorLog } from './coordinator-log.ts'
import { describeGroup, listGroups } from './describe-groups.ts'
import { hostGroups } from './host.ts'
import { joinGroup } from './join-group.ts'
import { leaveGroup } from './leave-group.ts'
import { load } from './load.ts'
import type { Waiting } from './members.ts'
import { offsets } from './offsets.ts'
import { partitionOf } from './partition.ts'
import {
  deleteGroup,
  deleteOffsets,
  removeExpired,
  removeTopics,
  type Slices,
} from './remove-offsets.ts'
import type { Shard } from './shard.ts'
import { heartbeat, syncGroup } from './sync-group.ts'
import { type GroupCoordinator, OFFSETS_TOPIC } from './types.ts'

export type CoordinatorPorts = {
  nodeId: number
  config: Config
  clock: Clock
  random: Random
  log: Logger
  replicas: ReplicaManager
  /** A broken invariant ends the node. */
  halt: (why: unknown) => void
  inspect?: (event: InspectionEvent) => void
}

export function createGroupCoordinator(ports: CoordinatorPorts): GroupCoordinator {
  const { nodeId, config, clock, log, replicas, halt } = ports
  const shards = new Map<number, Shard>()
  let partitions = config.int('offsets.topic.num.partitions')
  let topicId: string | null = null
  let stopped = false

  const partitionFor = (groupId: string) => partitionOf(groupId, partitions)

  const env = hostGroups({
    ...ports,
    locate(groupId) {
      const shard = shards.get(partitionFor(groupId))
      const group = shard?.groups.get(groupId)
      return shard === undefined || group === undefined ? undefined : { shard, group }
    },
  })

  function shardFor(groupId: string): Shard {
    if (stopped) refuse('COORDINATOR_NOT_AVAILABLE', 'this broker is stopping')
    const partition = partitionFor(groupId)
    const shard = shards.get(partition)
    if (shard === undefined || shard.phase === 'failed') {
      refuse(
        'NOT_COORDINATOR',
        `${OFFSETS_TOPIC}-${partition} is not led here; find its coordinator`,
      )
    }
    if (shard.phase === 'loading') {
      refuse('COORDINATOR_LOAD_IN_PROGRESS', `${OFFSETS_TOPIC}-${partition} is being loaded`)
    }
    return shard
  }

  function named(groupId: string): Shard {
    checkName(groupId)
    return shardFor(groupId)
  }

  function open(partition: number, leaderEpoch: number) {
    const of = { topic: OFFSETS_TOPIC, partition }
    const timeoutMs = () => config.int('offsets.commit.timeout.ms')
    const shard: Shard = {
      partition,
      leaderEpoch,
      phase: 'loading',
      groups: new Map(),
      offsets: offsets(),
      log: coordinatorLog(of, { clock, replicas, timeoutMs }),
    }
    shards.set(partition, shard)
    load(of, shard, { env, replicas, halt })
  }

  /** Everybody who waits hears NOT_COORDINATOR; no timer of its groups is left. */
  function close(shard: Shard) {
    for (const group of shard.groups.values()) {
      if (group.actor === null) env.sessions.endAll(group)
      else env.tell({ shard, group }, { type: 'unloaded' })
    }
    shard.phase = 'closed'
    shard.log.close()
    shards.delete(shard.partition)
    log.info({ partition: shard.partition }, 'groups given up')
  }

  function follow(image: MetadataImage) {
    const topic = image.topicByName(OFFSETS_TOPIC)
    const count = topic?.partitionCount() ?? 0
    const isAnother = topic === undefined || topic.id !== topicId || count !== partitions
    for (const shard of [...shards.values()]) {
      if (isAnother || topic.partition(shard.partition)?.leader !== nodeId) close(shard)
    }
    topicId = topic?.id ?? null
    // Another number of partitions is another place for every group.
    if (topic !== undefined) partitions = count
    for (let partition = 0; partition < count; partition++) {
      const { leader, leaderEpoch } = topic!.partition(partition)!
      if (leader !== nodeId) continue
      const shard = shards.get(partition)
      if (shard === undefined) open(partition, leaderEpoch)
      else if (shard.phase === 'failed' && leaderEpoch > shard.leaderEpoch)
        reopen(shard, leaderEpoch)
      else shard.leaderEpoch = leaderEpoch
    }
  }

  function reopen(shard: Shard, leaderEpoch: number) {
    close(shard)
    open(shard.partition, leaderEpoch)
  }

  function inSlices(slices: Slices) {
    if (stopped) return
    try {
      if (slices.next().done !== true) clock.setTimeout(() => inSlices(slices), 0)
    } catch (error) {
      halt(error)
    }
  }

  let sweep = sweepLater()
  function sweepLater() {
    return clock.setTimeout(() => {
      for (const shard of shards.values()) {
        if (shard.phase === 'active') inSlices(removeExpired(env, shard))
      }
      sweep = sweepLater()
    }, config.int('offsets.retention.check.interval.ms'))
  }

  return {
    onMetadata(image, delta) {
      if (stopped) return
      const topic = image.topicByName(OFFSETS_TOPIC)
      const touched =
        delta.fromSnapshot ||
        (topic === undefined ? topicId !== null : delta.changedPartitions.has(topic.id))
      if (touched) follow(image)
      if (delta.deletedTopics.size === 0) return
      const gone = new Map(Array.from(delta.deletedTopics, ([id, { name }]) => [id, name]))
      for (const shard of shards.values()) {
        if (shard.phase === 'active') inSlices(removeTopics(env, shard, gone))
      }
    },
    partitionFor,
    joinGroup: async (request, asker) => {
      checkName(request.groupId)
      checkSessionTimeout(config, request.sessionTimeoutMs)
      const shard = shardFor(request.groupId)
      return new Promise((respond) =>
        joinGroup(env, shard, request, asker, whileThere(asker, respond)),
      )
    },
    syncGroup: async (request, asker) => {
      const shard = named(request.groupId)
      return new Promise((respond) => syncGroup(env, shard, request, whileThere(asker, respond)))
    },
    heartbeat: (request) => heartbeat(env, named(request.groupId), request),
    leaveGroup: async (groupId, leavers) => {
      const { left, stored } = leaveGroup(env, named(groupId), groupId, leavers)
      return { left, error: (await stored) ?? 'NONE' }
    },
    commitOffsets: (request, apiVersion) =>
      commitOffsets(env, shardFor(request.groupId), request, apiVersion),
    fetchOffsets: (groupId, wanted) => fetchOffsets(shardFor(groupId), groupId, wanted),
    deleteOffsets: (groupId, keys) => deleteOffsets(env, named(groupId), groupId, keys),
    deleteGroup: async (groupId) => deleteGroup(env, shardFor(groupId), groupId),
    describeGroup: (groupId, apiVersion) => describeGroup(shardFor(groupId), groupId, apiVersion),
    listGroups(states, types) {
      if (stopped) refuse('COORDINATOR_NOT_AVAILABLE', 'this broker is stopping')
      return [...shards.values()].flatMap((shard) => {
        if (shard.phase === 'loading') {
          refuse('COORDINATOR_LOAD_IN_PROGRESS', 'some groups are being loaded')
        }
        return shard.phase === 'active' ? [...listGroups(shard, states, types)] : []
      })
    },
    stop() {
      stopped = true
      clock.clearTimeout(sweep)
      for (const shard of [...shards.values()]) close(shard)
    },
    abandon() {
      stopped = true
      clock.clearTimeout(sweep)
      for (const shard of shards.values()) shard.phase = 'closed'
      shards.clear()
    },
  }
}

/** To its group a member waits on; whom to tell is forgotten when its connection ends. */
function whileThere<Outcome>({ departure }: Asker, respond: Waiting<Outcome>): Waiting<Outcome> {
  if (departure === undefined) return respond
  let there: Waiting<Outcome> | undefined = respond
  const stay = departure.whenOver(() => {
    there = undefined
  })
  return (outcome) => {
    stay()
    there?.(outcome)
  }
}

function checkName(groupId: string): void {
  if (groupId === '') refuse('INVALID_GROUP_ID', 'a group has a name')
}

function checkSessionTimeout(config: Config, sessionTimeoutMs: number): void {
  const least = config.int('group.min.session.timeout.ms')
  const most = config.int('group.max.session.timeout.ms')
  if (sessionTimeoutMs >= least && sessionTimeoutMs <= most) return
  refuse(
    'INVALID_SESSION_TIMEOUT',
    `a session of ${sessionTimeoutMs} ms; this broker takes ${least} to ${most} ms`,
  )
}
