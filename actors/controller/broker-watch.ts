/**
 * A controller watches the processes of its brokers. The death of one ends its session early, no
 * more: it is fenced by the usual committed records (decision 15). Standbys watch, too, so that the
 * next active controller knows who died with the last one: the leader's node closely, the others at
 * leisure, for whose death nothing follows yet.
 */
import type { InspectionEvent } from 'xstate'
import type { Link } from '../../transport/links/link.ts'
import type { Clock } from '../ports/clock.ts'
import { hostProbe } from '../probe/probe.ts'
import type { Controller } from './controller.ts'

const leisureMs = 1_000

export function watchBrokers(of: {
  link: Link
  clock: Clock
  controller: Pick<Controller, 'isActive' | 'incarnations' | 'brokerGone' | 'brokerHeard'>
  leaderId(): number
  probing: { intervalMs: number; graceMs: number; stallMs: number }
  halt: (why: unknown) => void
  inspect?: (event: InspectionEvent) => void
}) {
  const { link, clock, controller, leaderId, probing, halt, inspect } = of
  return hostProbe({
    link,
    clock,
    ...probing,
    targets: () => controller.incarnations().filter(({ nodeId }) => nodeId !== link.self.nodeId),
    patienceMs: ({ nodeId }) =>
      controller.isActive() || nodeId === leaderId() ? probing.intervalMs / 2 : leisureMs,
    onDead: ({ nodeId, incarnationId }) => controller.brokerGone(nodeId, incarnationId),
    onAlive: ({ nodeId, incarnationId }) => controller.brokerHeard(nodeId, incarnationId),
    halt,
    ...(inspect && { inspect }),
  })
}
