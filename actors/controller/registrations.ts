/**
 * Hosts the registration charts of all brokers inside the active controller: heartbeats go in, changes
 * of registrations and the leader changes that follow come out as batches. Nothing of it outlives the
 * term (M4); a new term gives every unfenced broker a fresh session (M6).
 */
import { match } from 'ts-pattern'
import { createActor, type InspectionEvent } from 'xstate'
import {
  brokerRegistration,
  type Registration,
  type RegistrationChange,
} from '../../machines/broker-registration.ts'
import { invariant } from '../invariant.ts'
import type { Logger } from '../log.ts'
import type { BrokerState } from '../metadata/image.ts'
import type { Clock } from '../ports/clock.ts'
import { type Cluster, mayLead } from './cluster.ts'
import { fenceRecords, handOverRecords, unfenceRecords } from './elections.ts'
import { watchStalls } from './stalls.ts'
import type { Writer } from './writer.ts'

export type RegistrationPorts = {
  clock: Clock
  cluster: Cluster
  writer: Writer
  log: Logger
  /** A broken invariant ends the node. */
  halt: (why: unknown) => void
  /** A record could not be appended: the term ends. */
  fail: (why: unknown) => void
  inspect?: (event: InspectionEvent) => void
}

/** A BrokerHeartbeat's claims. */
export type Beat = {
  brokerId: number
  brokerEpoch: number
  currentMetadataOffset: number
  wantFence: boolean
  wantShutDown: boolean
}

export type BeatAnswer = { isCaughtUp: boolean; isFenced: boolean; shouldShutDown: boolean }

export type Registrations = {
  /** Begins with what the image says of all brokers. */
  begin(): void
  /** A broker registered; its record has this offset. */
  track(broker: BrokerState, registrationOffset: number): void
  drop(brokerId: number): void
  /** @throws what appending threw */
  heartbeat(beat: Beat): BeatAnswer
  /** Nobody answers for this incarnation any more (decision of a probe). */
  gone(brokerId: number, incarnationId: string): void
  /** Of this incarnation of the broker: heard within the session timeout. */
  hasSession(brokerId: number, brokerEpoch: number): boolean
  /** It was unfenced when this term began, and has sent no heartbeat in it. */
  isUnheard(brokerId: number): boolean
  end(): void
}

const stallGraceMs = 1_000

export function hostRegistrations(ports: RegistrationPorts): Registrations {
  const { clock, cluster, writer, log, halt, fail, inspect } = ports
  const rows = new Map<number, Row>()
  const sessionTimeoutMs = cluster.config.int('broker.session.timeout.ms')
  let stalls: ReturnType<typeof watchStalls> | undefined
  /** Why the last change could not be written, for the heartbeat that caused it. */
  let refused: unknown

  function host(input: Registration) {
    const chart = brokerRegistration.provide({
      guards: { keptUp: () => stalls === undefined || stalls.keptUp() },
      actions: {
        appendChange: (_, change) => append(input.brokerId, change),
        unexpected: ({ event }) => invariant(false, 'X1: a registration knows its events', event),
      },
    })
    const actor = createActor(chart, {
      input,
      clock,
      id: `broker-registration-${input.brokerId}`,
      ...(inspect && { inspect }),
    })
    actor.subscribe({ error: halt })
    return actor.start()
  }
  type Row = {
    actor: ReturnType<typeof host>
    epoch: number
    registrationOffset: number
    /** Last offset that the broker is known to have replayed. */
    replayedOffset: number
    /** Where it began to give up its leaderships. */
    handOverOffset: number
    /** Monotonic ms of the last heartbeat; undefined: none in this session. */
    heardAt: number | undefined
    isUnheard: boolean
  }

  function append(brokerId: number, change: RegistrationChange): void {
    const broker = cluster.image.brokers().get(brokerId)
    const row = rows.get(brokerId)
    invariant(broker !== undefined && row !== undefined, 'a tracked broker is registered')
    try {
      const records = match(change)
        .with({ inControlledShutdown: 1 }, () => handOverRecords(cluster, broker))
        .with({ fenced: 1 }, () => fenceRecords(cluster, broker))
        .with({ fenced: -1 }, () => unfenceRecords(cluster, broker))
        .otherwise(() => [])
      writer.appendCut(records)
      if (change.inControlledShutdown === 1) row.handOverOffset = cluster.image.offset
      log.info({ brokerId, brokerEpoch: broker.epoch, ...change }, 'broker registration changed')
    } catch (why) {
      refused = why
      fail(why)
    }
  }

  /** What every broker that may lead has replayed. */
  function lowestActiveOffset(): number {
    let lowest = Number.POSITIVE_INFINITY
    for (const [id, { replayedOffset }] of rows) {
      if (mayLead(cluster.image.brokers().get(id))) lowest = Math.min(lowest, replayedOffset)
    }
    return lowest
  }

  function track(broker: BrokerState, registrationOffset: number, heardAt?: number): void {
    drop(broker.id)
    const { id: brokerId, epoch: brokerEpoch, fenced, inControlledShutdown } = broker
    rows.set(brokerId, {
      actor: host({
        brokerId,
        brokerEpoch,
        registrationOffset,
        fenced,
        inControlledShutdown,
        sessionTimeoutMs,
        stallGraceMs,
      }),
      epoch: brokerEpoch,
      registrationOffset,
      replayedOffset: -1,
      handOverOffset: cluster.image.offset,
      heardAt,
      isUnheard: heardAt !== undefined,
    })
  }

  function drop(brokerId: number): void {
    rows.get(brokerId)?.actor.stop()
    rows.delete(brokerId)
  }

  const isDone = ({ actor }: Row): boolean => actor.getSnapshot().status !== 'active'

  return {
    begin() {
      stalls = watchStalls(clock, stallGraceMs)
      const now = clock.monotonic()
      for (const broker of cluster.image.brokers().values()) {
        track(broker, broker.epoch, broker.fenced ? undefined : now)
      }
    },
    track: (broker, registrationOffset) => track(broker, registrationOffset),
    drop,
    heartbeat({ brokerId, currentMetadataOffset, wantFence, wantShutDown }) {
      const row = rows.get(brokerId)
      invariant(row !== undefined, 'M6: every registered broker is tracked', { brokerId })
      row.heardAt = clock.monotonic()
      row.isUnheard = false
      row.replayedOffset = Math.max(row.replayedOffset, currentMetadataOffset)
      refused = undefined
      if (!isDone(row)) {
        row.actor.send({
          type: 'BrokerHeartbeat',
          wantFence,
          wantShutDown,
          currentMetadataOffset,
          leaderships: cluster.image.leaderships(brokerId),
          handOverSeen: lowestActiveOffset() >= row.handOverOffset,
        })
      }
      if (refused !== undefined) throw refused
      const decided = row.actor.getSnapshot()
      const shouldShutDown = decided.hasTag('shouldShutDown')
      // It goes of its own accord: its next incarnation need not wait for the session to end.
      if (shouldShutDown) row.heardAt = undefined
      return {
        isCaughtUp: currentMetadataOffset >= row.registrationOffset,
        isFenced: decided.hasTag('fenced'),
        shouldShutDown,
      }
    },
    gone(brokerId, incarnationId) {
      const row = rows.get(brokerId)
      if (row === undefined) return
      if (cluster.image.brokers().get(brokerId)?.incarnationId !== incarnationId) return
      row.heardAt = undefined
      log.info({ brokerId, incarnationId }, 'broker is gone: nobody answers for it')
      if (!isDone(row)) row.actor.send({ type: 'brokerGone' })
    },
    hasSession(brokerId, brokerEpoch) {
      const row = rows.get(brokerId)
      if (row === undefined || row.epoch !== brokerEpoch || row.heardAt === undefined) return false
      return clock.monotonic() - row.heardAt < sessionTimeoutMs
    },
    isUnheard: (brokerId) => rows.get(brokerId)?.isUnheard ?? false,
    end() {
      stalls?.stop()
      stalls = undefined
      for (const brokerId of [...rows.keys()]) drop(brokerId)
    },
  }
}
