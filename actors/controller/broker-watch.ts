/**
 * A controller watches the processes of its brokers. The death of one ends its session early, no
 * more: it is fenced by the usual committed records (decision 15). Standbys watch, too, so that the
 * next active controller knows who died with the last one.
 */
import type { Link } from '../../transport/links/link.ts'
import type { Clock } from '../ports/clock.ts'
import { hostProbe } from '../probe/probe.ts'
import type { Controller } from './controller.ts'

export function watchBrokers(of: {
  link: Link
  clock: Clock
  controller: Pick<Controller, 'incarnations' | 'brokerGone' | 'brokerHeard'>
  probing: { intervalMs: number; graceMs: number }
  halt: (why: unknown) => void
}) {
  const { link, clock, controller, probing, halt } = of
  return hostProbe({
    link,
    clock,
    ...probing,
    targets: () => controller.incarnations().filter(({ nodeId }) => nodeId !== link.self.nodeId),
    onDead: ({ nodeId, incarnationId }) => controller.brokerGone(nodeId, incarnationId),
    onAlive: ({ nodeId, incarnationId }) => controller.brokerHeard(nodeId, incarnationId),
    halt,
  })
}
