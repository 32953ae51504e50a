/**
 * A controller watches the processes of its brokers. The death of one ends its session early, no
 * more: it is fenced by the usual committed records (decision 15). Standbys watch, too, so that the
 * next active controller knows who died with the last one: the leader's node closely, the others at
 * leisure, for whose death nothing follows yet.
 */
import type { Prober, Watch } from '../probe/probe.ts'
import type { Controller } from './controller.ts'

const leisureMs = 1_000

export function watchBrokers(of: {
  prober: Prober
  controller: Pick<Controller, 'isActive' | 'incarnations' | 'brokerGone' | 'brokerHeard'>
  leaderId(): number
}): Watch {
  const { prober, controller, leaderId } = of
  return prober.watch({
    targets: controller.incarnations,
    patienceMs: ({ nodeId }) =>
      controller.isActive() || nodeId === leaderId() ? prober.intervalMs / 2 : leisureMs,
    onDead: ({ nodeId, incarnationId }) => controller.brokerGone(nodeId, incarnationId),
    onAlive: ({ nodeId, incarnationId }) => controller.brokerHeard(nodeId, incarnationId),
  })
}
