/**
 * Hosts a node's controller chart: on standby it replays what is committed, as active controller it
 * decides. Each decision is a function of the image with all earlier decisions in it; its records are
 * one atomic batch, and its answer leaves when the batch, and all that it was based on, is committed.
 */
import { createActor, type InspectionEvent } from 'xstate'
import { controller as controllerChart } from '../../machines/controller.ts'
import type { MetadataRecord } from '../../transport/records/metadata.ts'
import type { LayeredConfig } from '../config/config.ts'
import { InvariantError, invariant } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { MetadataImage } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import type { Random } from '../ports/random.ts'
import { NotLeaderError, type Quorum, type QuorumListener } from '../quorum/types.ts'
import { activationRecords } from './bootstrap.ts'
import { type Cluster, checkBrokerEpoch, checkSize, type Decision } from './cluster.ts'
import { balanceRecords, uncleanRecords } from './elections.ts'
import { type Beat, type BeatAnswer, hostRegistrations } from './registrations.ts'
import { createWriter, notController } from './writer.ts'

export type ControllerPorts = {
  quorum: Quorum
  nodeId: number
  /** Of this process: another one that is registered with our id ended before this one began. */
  incarnationId?: string
  clock: Clock
  random: Random
  /** Dynamic values included: `min.insync.replicas` of a topic falls back to the cluster's. */
  config: LayeredConfig
  log: Logger
  /** A broken invariant ends the node. */
  halt: (why: unknown) => void
  /** What `format` wrote for an empty log: feature levels and the like. */
  bootstrapRecords: readonly MetadataRecord[]
  inspect?: (event: InspectionEvent) => void
}

export type Controller = QuorumListener & {
  isActive(): boolean
  /** With this controller's own uncommitted decisions. */
  image(): MetadataImage
  /**
   * Decides one operation. What `decide` throws is the answer; nothing was written then.
   * @throws KafkaError NOT_CONTROLLER on standby, and when leadership is lost before the commit
   */
  write<T>(decide: (cluster: Cluster) => Decision<T>): Promise<T>
  /** As `write`, in as many batches as it takes; for what brokers' comings and goings need. */
  writeCut<T>(decide: (cluster: Cluster) => Decision<T>): Promise<T>
  /**
   * Answers when what it changed is committed; it counts as contact from the moment it came.
   * @throws KafkaError STALE_BROKER_EPOCH, NOT_CONTROLLER
   */
  heartbeat(beat: Beat): Promise<BeatAnswer>
  /** A registration was written at this offset: its session begins with its first heartbeat. */
  registered(brokerId: number, registrationOffset: number): void
  unregistered(brokerId: number): void
  hasSession(brokerId: number, brokerEpoch: number): boolean
  /** Its session was given by the beginning of this term, not by a heartbeat. */
  isUnheard(brokerId: number): boolean
  /**
   * What a probe found: nobody answers for this incarnation. Ends its session, no more. A standby
   * remembers it until it takes over.
   */
  brokerGone(brokerId: number, incarnationId: string): void
  /** It was heard after all. */
  brokerHeard(brokerId: number, incarnationId: string): void
  /** Whom a prober should watch: the registered incarnations. */
  incarnations(): { nodeId: number; incarnationId: string }[]
  stop(): void
}

export function hostController(ports: ControllerPorts): Controller {
  const { quorum, nodeId, clock, random, config, log, halt, bootstrapRecords } = ports
  const inspect = ports.inspect && { inspect: ports.inspect }
  const writer = createWriter(quorum, clock)
  const cluster: Cluster = {
    get image() {
      return writer.image()
    },
    config,
    random,
    nextOffset: () => quorum.endOffset(),
  }
  const registrations = hostRegistrations({ clock, cluster, writer, log, halt, fail, ...inspect })

  /** A lost leadership is told by the quorum, too; anything else means that somebody else should lead. */
  function fail(why: unknown): void {
    if (why instanceof InvariantError) halt(why)
    else if (!(why instanceof NotLeaderError)) {
      log.error({ err: why }, 'records could not be written')
    }
    actor.send({ type: 'failed' })
  }

  /** Work that nobody waits for. */
  function periodically(recordsOf: (cluster: Cluster) => MetadataRecord[]): void {
    try {
      const records = recordsOf(cluster)
      if (records.length > 0) writer.appendCut(records)
    } catch (why) {
      fail(why)
    }
  }

  let faulty = false
  /** Broker → the incarnation that a probe found dead; one a broker at most. */
  const gone = new Map<number, string>()
  /** The last offset when the idle interval began. */
  let quietSince = -1

  const chart = controllerChart.provide({
    actions: {
      beginTerm: (_, { epoch }) => {
        log.info({ epoch, offset: writer.image().offset }, 'controller is active')
        writer.begin(epoch)
      },
      appendActivationRecords: () => {
        periodically((of) =>
          activationRecords(of.image, writer.openTransaction(), bootstrapRecords),
        )
        actor.send({ type: 'activated', offset: writer.image().offset })
      },
      trackBrokers: () => {
        registrations.begin()
        for (const [brokerId, incarnationId] of gone) registrations.gone(brokerId, incarnationId)
        const predecessor = writer.image().brokers().get(nodeId)?.incarnationId
        if (ports.incarnationId === undefined || predecessor === undefined) return
        if (predecessor !== ports.incarnationId) registrations.gone(nodeId, predecessor)
      },
      dropBrokers: () => registrations.end(),
      revert: () => {
        log.info({ epoch: writer.epoch() }, 'controller stands by')
        writer.end()
      },
      resignLeadership: (_, { epoch }) => quorum.resign(epoch),
      appendNoOp: () => {
        const { offset } = writer.image()
        if (offset === quietSince) periodically(() => [{ type: 'NoOpRecord' }])
        quietSince = writer.image().offset
      },
      balanceLeaders: () => periodically(balanceRecords),
      electUncleanly: () => periodically(uncleanRecords),
      unexpected: ({ event }) => invariant(false, 'X1: a controller knows its events', event),
    },
  })
  const actor = createActor(chart, {
    input: {
      nodeId,
      idleIntervalMs: config.int('metadata.max.idle.interval.ms'),
      balanceIntervalMs: config.bool('auto.leader.rebalance.enable')
        ? config.int('leader.imbalance.check.interval.seconds') * 1_000
        : 0,
      uncleanIntervalMs: config.int('unclean.leader.election.interval.ms'),
    },
    clock,
    id: `controller-${nodeId}`,
    ...inspect,
  })
  actor.subscribe({ error: halt })
  actor.start()

  async function decided<T>(
    decide: (cluster: Cluster) => Decision<T>,
    append: (records: MetadataRecord[]) => void,
  ): Promise<T> {
    if (writer.epoch() === undefined) throw notController('another node is the active controller')
    const { records, answer, applied } = decide(cluster)
    if (records.length > 0) appending(() => append(records))
    applied?.()
    // Even what wrote nothing may rest on decisions that are not committed yet.
    await writer.committed()
    return answer
  }

  /** M3: what cannot be replayed is reported, and this node leads nothing any more. */
  function replaying(replay: () => void): void {
    if (faulty) return
    try {
      replay()
    } catch (why) {
      faulty = true
      halt(why)
      actor.send({ type: 'stop' })
    }
  }

  function appending(append: () => void): void {
    try {
      append()
    } catch (why) {
      if (!(why instanceof NotLeaderError)) throw why
      fail(why)
      throw notController('leadership was lost; ask again')
    }
  }

  return {
    isActive: () => writer.epoch() !== undefined,
    image: () => writer.image(),
    write: (decide) =>
      decided(decide, (records) => {
        checkSize(records)
        writer.append(records)
      }),
    writeCut: (decide) => decided(decide, (records) => writer.appendCut(records)),
    async heartbeat(beat) {
      if (writer.epoch() === undefined) throw notController('another node is the active controller')
      checkBrokerEpoch(cluster, beat.brokerId, beat.brokerEpoch)
      let answer: BeatAnswer | undefined
      appending(() => {
        answer = registrations.heartbeat(beat)
      })
      await writer.committed()
      return answer!
    },
    registered(brokerId, registrationOffset) {
      const broker = writer.image().brokers().get(brokerId)
      invariant(broker !== undefined, 'who registered is in the image', { brokerId })
      registrations.track(broker, registrationOffset)
    },
    unregistered: (brokerId) => registrations.drop(brokerId),
    hasSession: (brokerId, brokerEpoch) => registrations.hasSession(brokerId, brokerEpoch),
    isUnheard: (brokerId) => registrations.isUnheard(brokerId),
    brokerGone(brokerId, incarnationId) {
      gone.set(brokerId, incarnationId)
      if (writer.epoch() !== undefined) registrations.gone(brokerId, incarnationId)
    },
    brokerHeard(brokerId, incarnationId) {
      if (gone.get(brokerId) === incarnationId) gone.delete(brokerId)
    },
    incarnations: () =>
      Array.from(writer.image().brokers().values(), ({ id, incarnationId }) => ({
        nodeId: id,
        incarnationId,
      })),
    handleCommit: (batch) =>
      replaying(() => {
        writer.handleCommit(batch)
        actor.send({ type: 'committed', offset: batch.lastOffset })
      }),
    handleLoadSnapshot: function* (snapshot) {
      const steps = writer.handleLoadSnapshot(snapshot)
      for (;;) {
        let isDone: boolean | undefined = true
        replaying(() => {
          isDone = steps.next().done
        })
        if (isDone) return
        yield
      }
    },
    handleLeaderChange: ({ leaderId, epoch }) =>
      actor.send({ type: 'leaderChanged', leaderId, epoch }),
    stop: () => actor.send({ type: 'stop' }),
  }
}
