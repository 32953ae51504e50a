/**
 * Sessions of brokers, by the heartbeats that arrived: N7, M6. A process that lives and was heard within
 * its session by who leads is not fenced, whatever a probe says of it or of one that came before it; and
 * one that was not heard is fenced, by whoever has been the active controller for as long. Where a
 * server says for a whole grace that nobody listens there, it looks as one that died.
 */
import type { Endpoint } from '../../transport/links/link.ts'
import { BrokerHeartbeat } from '../../transport/schemas/63-broker-heartbeat.ts'
import type { SimCluster, SimNode } from './cluster.ts'
import type { KnownBroker } from './metadata-checker.ts'
import { must } from './violation.ts'

export type SessionChecker = {
  /** A request is about to be handled. */
  delivered(from: Endpoint, to: number, api: string): void
  /** A broker was fenced though nobody asked for it, by the record at this offset. */
  fenced(broker: KnownBroker, offset: number): void
  sometimes(): void
}

/** When an incarnation was heard, and when it last had been silent for a session before. */
type Heard = { at: number; silentUntil: number }
type Term = {
  since: number
  heard: Map<string, Heard>
  /** Active and committing, at every look since then. */
  ableSince: number
  highWatermark: number
  /** When it last rose. */
  roseAt: number
}

/** broker.session.timeout.ms, less what the clock of who measures it may be ahead. */
const sessionMs = 9_000 * 0.85
/** A decision takes so long at most to be committed: what was silent then may be heard again. */
const commitMsMax = 30_000
/** The session on the slowest clock, the grace of one whose loop stalled, and a commit. */
const fencedMsMax = 9_000 / 0.9 + 4_000
/** A controller that is able to commits something twice a second. */
const idleMsMax = 1_500

export function checkSessions(cluster: SimCluster, nowMs: () => number): SessionChecker {
  /** Node and epoch that it leads. */
  const terms = new Map<string, Term>()

  function termOf(id: number, epoch: number): Term {
    const key = `${id}@${epoch}`
    const now = nowMs()
    const known = terms.get(key) ?? {
      since: now,
      heard: new Map<string, Heard>(),
      ableSince: now,
      highWatermark: -1,
      roseAt: now,
    }
    terms.set(key, known)
    return known
  }

  /** M6: brokers that an active controller has not heard are fenced in time. */
  function checkTracked({ id: node, parts, machine }: SimNode): void {
    const led = parts?.quorum.rpc.leadership()
    if (led === undefined) return
    const term = termOf(node, led.epoch)
    const now = nowMs()
    const highWatermark = led.highWatermark()
    if (highWatermark > term.highWatermark) Object.assign(term, { highWatermark, roseAt: now })
    const isAble = parts!.controller!.isActive() && now - term.roseAt < idleMsMax
    if (!isAble || machine.isPaused()) term.ableSince = now
    for (const { id, incarnationId, fenced } of parts!.loader.image().brokers().values()) {
      const heardAt = Math.max(term.ableSince, term.heard.get(incarnationId)?.at ?? term.since)
      must(
        fenced || now - heardAt < fencedMsMax,
        'M6',
        'a controller tracks every unfenced broker from its activation',
        () => ({ id, incarnationId, by: node, epoch: led.epoch, ms: now - heardAt }),
      )
    }
  }

  return {
    delivered({ incarnationId }, to, api) {
      const led = cluster.node(to).parts?.quorum.rpc.leadership()
      if (led === undefined) return
      const { since, heard } = termOf(to, led.epoch)
      if (api !== BrokerHeartbeat.name) return
      const at = nowMs()
      const before = heard.get(incarnationId) ?? {
        at: since,
        silentUntil: Number.NEGATIVE_INFINITY,
      }
      const isBack = at - before.at >= sessionMs
      heard.set(incarnationId, { at, silentUntil: isBack ? at : before.silentUntil })
    },
    sometimes() {
      for (const node of cluster.nodes) checkTracked(node)
    },
    fenced({ id, incarnationId }, offset) {
      const { parts, running, machine, isStopping } = cluster.node(id)
      const isAlive = running !== undefined && parts?.endpoint.incarnationId === incarnationId
      if (!isAlive || isStopping || machine.isPaused()) return
      const [leader] = cluster.nodes
        .flatMap(({ id: node, parts: of }) => {
          const led = of?.quorum.rpc.leadership()
          return led === undefined ? [] : [{ node, ...led }]
        })
        .sort((a, b) => b.epoch - a.epoch)
      // One that led before decided so.
      if (leader === undefined || offset < leader.epochStartOffset) return
      const { since, heard } = termOf(leader.node, leader.epoch)
      const now = nowMs()
      const { at, silentUntil } = heard.get(incarnationId) ?? {
        at: since,
        silentUntil: Number.NEGATIVE_INFINITY,
      }
      must(
        now - at >= sessionMs ||
          now - silentUntil < commitMsMax ||
          cluster.network.gone.wasBelieved(leader.node, incarnationId, commitMsMax),
        'N7',
        'who lives and is heard within its session is not fenced',
        () => ({ id, incarnationId, offset, by: leader.node, epoch: leader.epoch, ms: now - at }),
      )
    },
  }
}
