/**
 * Watches the process of the leader that this voter follows. Its death brings forward what the
 * fetch timeout does, no more: who is silent rather than dead gets Kafka's time.
 */
import { includes } from '../../machines/quorum/votes.ts'
import type { Endpoint } from '../../transport/links/link.ts'
import type { Prober, Watch } from '../probe/probe.ts'
import { type Replica, voters } from './replica.ts'

export type LeaderWatch = {
  /** Said by the leader itself, in a request or an answer: which incarnation of it leads the epoch. */
  note(leaderId: number, epoch: number, incarnationId: string | undefined): void
  start(): void
  stop(): void
}

export function watchLeader(replica: Replica, prober: Prober): LeaderWatch {
  let leads: { epoch: number; endpoint: Endpoint } | undefined
  let watch: Watch | undefined

  function targets(): Endpoint[] {
    const { state, context } = replica.role()
    const isWatched = state === 'follower' || state === 'prospective'
    if (!isWatched || leads?.epoch !== context.epoch) return []
    if (!includes(voters(replica), replica.self)) return []
    // It asked, did not win, and follows the dead again: with each tick it may ask anew.
    if (state === 'follower' && watch?.isDead(leads.endpoint)) tell(leads)
    return [leads.endpoint]
  }

  const tell = ({ epoch, endpoint }: { epoch: number; endpoint: Endpoint }): void =>
    replica.send({ type: 'leaderGone', leaderId: endpoint.nodeId, epoch })

  return {
    note(nodeId, epoch, incarnationId) {
      if (incarnationId === undefined || (leads !== undefined && leads.epoch > epoch)) return
      if (leads?.epoch === epoch && leads.endpoint.incarnationId === incarnationId) return
      leads = { epoch, endpoint: { nodeId, incarnationId } }
    },
    start() {
      watch = prober.watch({
        targets,
        onDead: ({ nodeId, incarnationId }) => {
          if (leads === undefined || leads.endpoint.incarnationId !== incarnationId) return
          replica.logger.warn({ leaderId: nodeId, incarnationId }, 'the leader is gone')
          tell(leads)
        },
      })
    },
    stop() {
      watch?.close()
    },
  }
}
