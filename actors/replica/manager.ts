/**
 * The replicas of one broker: rows by topic id and partition, made and unmade as the metadata image
 * says, and the ways in for whoever appends, fetches or waits.
 */
import type { InspectionEvent } from 'xstate'
import type { Link } from '../../transport/links/link.ts'
import type { ControllerChannel } from '../broker/types.ts'
import type { Config } from '../config/config.ts'
import { effectiveTopicConfig, topicInt } from '../config/topic-config.ts'
import type { Logger } from '../log.ts'
import { isOnlineDirectory, lostDirectory } from '../metadata/directory-ids.ts'
import type { MetadataDelta, MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log, LogDirectory, LogStore, TopicPartition } from '../ports/log.ts'
import type { Random } from '../ports/random.ts'
import { createAlterPartitions } from './alter-partition.ts'
import { type Appending, createAppends } from './append.ts'
import { type Assigned, localChanges, orOffline } from './assignments.ts'
import { hostReplicaCharts } from './charts.ts'
import { createDeletions, type Deleted } from './delete-records.ts'
import { createDirectoryNews } from './directories.ts'
import { createFetches, type Fetched, type FetchOptions, pokeAll } from './fetch.ts'
import { createFetchSessions } from './fetch-session.ts'
import { createFollowing } from './follower.ts'
import { createLeading } from './leader.ts'
import { newPartition, type Partition, viewOf, waitForCommit } from './partition.ts'
import { inSlices } from './slices.ts'
import type { AppendOptions, AppendResult, ReplicaManager } from './types.ts'
import { createUpkeep } from './upkeep.ts'

export type ReplicaPorts = {
  nodeId: number
  clock: Clock
  random: Random
  config: Config
  link: Link
  store: LogStore
  log: Logger
  image(): MetadataImage
  brokerEpoch(): number
  controller: ControllerChannel
  halt(why: unknown): void
  /** A log directory went offline: the next heartbeat tells. */
  directoryFailed(directory: LogDirectory): void
  inspect?: (event: InspectionEvent) => void
}

/** What the handlers of a broker use beyond what everybody may. */
export type Replicas = ReplicaManager & {
  find(of: { topicId: string; partition: number }): Partition | undefined
  findByName(of: TopicPartition): Partition | undefined
  rows(): Iterable<Partition>
  appendAll(
    all: readonly Appending[],
    options: AppendOptions,
  ): AppendResult[] | Promise<AppendResult[]>
  fetch(options: FetchOptions): Fetched | Promise<Fetched>
  /** Moves the log start of a led partition; done when its live replicas have followed. */
  deleteRecordsBefore(partition: Partition, offset: number, timeoutMs: number): Promise<Deleted>
  /** `done` once the replicas are as the image says: at once, unless so many change that the loop must turn. */
  onMetadata(image: MetadataImage, delta: MetadataDelta, done: () => void): void
  /** Once the controller knows where all replicas lie. */
  whenDirectoriesTold(then: () => void): void
  start(): void
  /** Fetching, timers and waiting end; logs stay as they are. `abandon` tells nobody who waits. */
  stop(): void
  abandon(): void
  highWatermarks(): Iterable<TopicPartition & { offset: number }>
  directories(): LogDirectory[]
  space: LogStore['space']
}

/** A lost answer of a leader is noticed this long after its long poll should have ended. */
const LOST_ANSWER_MS = 2_500
const CONTROLLER_TIMEOUT_MS = 5_000
const METADATA_TOPIC = '__cluster_metadata'

export function createReplicas(ports: ReplicaPorts): Replicas {
  const { nodeId, clock, random, config, link, store, log, image, brokerEpoch, halt } = ports
  const byId = new Map<string, Map<number, Partition>>()
  let isFirstImage = true
  let stopped = false
  const steps = inSlices(clock, halt)

  const find = ({ topicId, partition }: { topicId: string; partition: number }) =>
    byId.get(topicId)?.get(partition)
  const findByName = ({ topic, partition }: TopicPartition) => {
    const known = image().topicByName(topic)
    return known && byId.get(known.id)?.get(partition)
  }
  function* rows(): Iterable<Partition> {
    for (const partitions of byId.values()) yield* partitions.values()
  }

  const lagMsMax = () => config.int('replica.lag.time.max.ms')
  const charts = hostReplicaCharts({
    clock,
    find,
    halt,
    effects: {
      beginLeading: (partition) => leading.beginLeading(partition),
      endLeading: (partition) => leading.endLeading(partition),
      beginFollowing: (partition) => pokeAll(partition),
      truncate: (partition, to) => following.truncate(partition, to),
      startFetching: (partition) => following.start(partition),
      stopFetching: (partition) => following.stop(partition),
      proposeIsr: (partition) => alterPartitions.propose(partition),
      isrCommitted: (partition) => leading.isrCommitted(partition),
      reviewIsr: (partition) => reviewSoon(partition),
    },
    ...(ports.inspect && { inspect: ports.inspect }),
  })
  const { send } = charts
  const leading = createLeading({ nodeId, clock, log, image, lagMsMax, send, halt })
  const following = createFollowing({
    nodeId,
    link,
    clock,
    log,
    brokerEpoch,
    find,
    send,
    halt,
    settings: () => {
      const waitMsMax = config.int('replica.fetch.wait.max.ms')
      return {
        waitMsMax,
        minBytes: config.int('replica.fetch.min.bytes'),
        partitionBytesMax: config.int('replica.fetch.max.bytes'),
        responseBytesMax: config.int('replica.fetch.response.max.bytes'),
        backoffMsMax: config.int('replica.fetch.backoff.ms'),
        timeoutMs: Math.min(config.int('replica.socket.timeout.ms'), waitMsMax + LOST_ANSWER_MS),
      }
    },
  })
  const alterPartitions = createAlterPartitions({
    nodeId,
    brokerEpoch,
    controller: ports.controller,
    log,
    send,
    timeoutMs: () => CONTROLLER_TIMEOUT_MS,
    halt,
  })
  const directoryNews = createDirectoryNews({
    nodeId,
    clock,
    log,
    // As the image has it: a registration is heard of before it is answered.
    brokerEpoch: () => image().brokers().get(nodeId)?.epoch ?? -1,
    controller: ports.controller,
    halt,
  })
  const sessions = createFetchSessions({
    clock,
    random,
    slots: () => config.int('max.incremental.fetch.session.cache.slots'),
    evictionMs: () => 120_000,
  })
  const fetches = createFetches({
    clock,
    sessions,
    find: (entry) => (entry.session.usesTopicIds ? find(entry) : findByName(entry)),
    missing: ({ session, topicId, topic, partition }) => {
      const known = session.usesTopicIds ? image().topicById(topicId) : image().topicByName(topic)
      if (known?.partition(partition) !== undefined) return 'NOT_LEADER_OR_FOLLOWER'
      return session.usesTopicIds && !known ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
    },
    followerFetched: (partition, entry) => leading.followerFetched(partition, entry),
  })
  const appends = createAppends({ clock, leading })
  const upkeep = createUpkeep({ clock, config, store, log, rows, leading, changed: pokeAll, halt })

  /** The chart is inside an event: its next one comes after. */
  function reviewSoon(partition: Partition) {
    Promise.resolve()
      .then(() => {
        if (!stopped) leading.reviewJoiners(partition)
      })
      .catch(halt)
  }

  const overridesOf = (topic: string) => image().configs({ type: 'topic', name: topic })

  const isOnline = (directoryId: string) => {
    const online = store.directories().filter((each) => each.online)
    return isOnlineDirectory(
      directoryId,
      online.map(({ id }) => id),
    )
  }

  function make({ topic, topicId, partition, directoryId, state }: Assigned): Partition {
    const of = { topic, partition }
    // Who registers anew leaves each ISR that has others: this one is the last, so it may be elected.
    const isLastInSync = state.isr.includes(nodeId)
    let isLost = false
    const own = orOffline(() => {
      const found = store.get(of)
      if (found?.topicId === topicId) {
        isLost = isLastInSync && state.replicas.length > 1 && cannotCount(found, directoryId)
        if (isLost) return undefined
        found.reconfigure(effectiveTopicConfig(config, overridesOf(topic)))
        return found
      }
      if (found !== undefined) {
        log.warn(
          { topic, partition, topicId, found: found.topicId },
          'log of another topic set aside',
        )
        store.setAside(of)
      }
      if (isLastInSync && !isOnline(directoryId)) {
        // As the last of its ISR it could be told to lead, and others would cut theirs to nothing.
        log.error({ topic, partition, directoryId }, 'directory of an in-sync replica is not there')
        return undefined
      }
      return store.create(
        of,
        topicId,
        effectiveTopicConfig(config, overridesOf(topic)),
        directoryId,
      )
    })
    const row = newPartition(of, topicId, own, store.checkpointedHighWatermark(of))
    let partitions = byId.get(topicId)
    if (partitions === undefined) {
      partitions = new Map()
      byId.set(topicId, partitions)
    }
    partitions.set(partition, row)
    if (own === undefined) send(row, { type: 'goOffline' })
    if (isLost) {
      log.error({ topic, partition }, 'the last in-sync replica is damaged: it must not lead')
      if (directoryId !== lostDirectory) directoryNews.tell(row, lostDirectory)
    }
    return row
  }

  /** What was promised to be there is not, or the controller was told so by an earlier run. */
  const cannotCount = (found: Log, directoryId: string): boolean =>
    found.isSuspect() || directoryId === lostDirectory

  function apply(assigned: Assigned) {
    const { state, topicId, partition } = assigned
    // A later image took it away again before its turn came.
    if (!image().topicById(topicId)?.partition(partition)?.replicas.includes(nodeId)) return
    const known = find(assigned)
    const row = known ?? make(assigned)
    const isSame = known !== undefined && sameReplicas(known.replicas, state.replicas)
    row.replicas = state.replicas
    const { log: own } = row
    if (own !== undefined && own.directoryId !== assigned.directoryId) {
      directoryNews.tell(row, own.directoryId)
    }
    if (own?.isSuspect() && known !== undefined && state.isr.includes(nodeId)) own.trust()
    leading.setMinIsr(row, topicInt(config, overridesOf(row.topic), 'min.insync.replicas'))
    if (!isSame && row.role === 'leader') leading.reassigned(row)
    const { leader, leaderEpoch, partitionEpoch, isr } = state
    const type = leader === nodeId ? 'lead' : 'follow'
    const before = row.context.leaderEpoch
    send(row, { type, leader, leaderEpoch, partitionEpoch, isr })
    if (row.context.leaderEpoch !== before && row.role !== 'offline') {
      log.info({ topic: row.topic, partition: row.partition, leader, leaderEpoch, isr }, row.role)
    }
  }

  function remove(of: { topicId: string; partition: number }) {
    const row = find(of)
    if (row === undefined) return
    following.stop(row)
    leading.endLeading(row)
    charts.stop(row)
    const partitions = byId.get(of.topicId)
    partitions?.delete(of.partition)
    if (partitions?.size === 0) byId.delete(of.topicId)
    pokeAll(row)
    directoryNews.forget(row)
    if (row.log !== undefined) orOffline(() => store.remove(row))
    row.log = undefined
  }

  /** Of the topic with that very id. */
  function directoryOf(now: MetadataImage, { topicId, partition }: Log): string | undefined {
    const state = now.topicById(topicId)?.partition(partition)
    return state?.directories[state.replicas.indexOf(nodeId)]
  }

  /** What the disk holds and the image does not give to this broker is kept, but never served. */
  function setStraysAside(now: MetadataImage) {
    for (const own of [...store.logs()]) {
      if (own.topic === METADATA_TOPIC) continue
      const state = now.topicById(own.topicId)?.partition(own.partition)
      if (state?.replicas.includes(nodeId)) continue
      const { topic, partition, topicId } = own
      log.warn({ topic, partition, topicId }, 'stray log set aside')
      orOffline(() => store.setAside({ topic, partition }))
    }
  }

  function reconfigure(now: MetadataImage, delta: MetadataDelta) {
    const all = delta.fromSnapshot || delta.changedConfigs.some(({ type }) => type === 'broker')
    const topics = new Set(
      delta.changedConfigs.filter(({ type }) => type === 'topic').map(({ name }) => name),
    )
    if (!all && topics.size === 0) return
    for (const row of rows()) {
      if (!all && !topics.has(row.topic)) continue
      const overrides = now.configs({ type: 'topic', name: row.topic })
      orOffline(() => row.log?.reconfigure(effectiveTopicConfig(config, overrides)))
      leading.setMinIsr(row, topicInt(config, overrides, 'min.insync.replicas'))
    }
  }

  /** A broker unfenced or registered anew may now join; one that went no longer holds back. */
  function reviewAfterBrokerChanges(delta: MetadataDelta) {
    if (delta.changedBrokers.size === 0) return
    for (const row of rows()) {
      if (row.role !== 'leader' || row.context.isr.length > row.followers.length) continue
      leading.reviewJoiners(row)
      leading.advance(row)
    }
  }

  store.onDirectoryFailure((directory) => {
    if (stopped) return
    for (const row of [...rows()]) {
      if (row.log?.directoryId !== directory.id) continue
      row.log = undefined
      send(row, { type: 'goOffline' })
      pokeAll(row)
    }
    ports.directoryFailed(directory)
  })

  function halted() {
    stopped = true
    steps.stop()
    upkeep.stop()
    alterPartitions.stop()
    directoryNews.stop()
    following.stopAll()
  }

  return {
    find,
    findByName,
    rows,
    get: (of) => {
      const row = findByName(of)
      return row && viewOf(row)
    },
    *partitions() {
      for (const row of rows()) yield viewOf(row)
    },
    appendAll: (all, options) => appends.appendAll(all, options),
    append: (of, records, options) => {
      const results = appends.appendAll([{ partition: findByName(of), records }], options)
      return results instanceof Promise ? results.then(([first]) => first!) : results[0]!
    },
    whenCommitted: (of, offset, then) => {
      const row = findByName(of)
      if (row === undefined || row.role !== 'leader') return then(false)
      if (row.highWatermark > offset) return then(true)
      waitForCommit(row, { offset: offset + 1, gone: false, done: then })
    },
    fetch: (options) => fetches.fetch(options),
    deleteRecordsBefore: createDeletions({ clock, image }),
    onMetadata: (now, delta, done) => {
      if (stopped) return
      const everything = isFirstImage || delta.fromSnapshot
      if (isFirstImage) {
        steps.add(() => store.settleCopies((copy) => directoryOf(now, copy)))
        steps.add(() => setStraysAside(now))
      }
      isFirstImage = false
      const { assigned, removed } = localChanges(nodeId, now, delta, everything, rows())
      for (const of of removed) steps.add(() => remove(of))
      for (const each of assigned) steps.add(() => apply(each))
      steps.add(() => {
        reconfigure(now, delta)
        reviewAfterBrokerChanges(delta)
        done()
      })
      steps.run()
    },
    whenDirectoriesTold: (then) => directoryNews.whenTold(then),
    start: () => upkeep.start(),
    stop: () => {
      halted()
      for (const row of rows()) {
        leading.endLeading(row)
        charts.stop(row)
      }
      sessions.closeAll()
    },
    abandon: () => {
      halted()
      for (const row of rows()) {
        charts.stop(row)
        row.log = undefined
      }
    },
    *highWatermarks() {
      for (const { topic, partition, highWatermark, log: own } of rows()) {
        if (own !== undefined) yield { topic, partition, offset: highWatermark }
      }
    },
    directories: () => store.directories(),
    space: (directoryId) => store.space(directoryId),
  }
}

const sameReplicas = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((id, i) => id === b[i])
