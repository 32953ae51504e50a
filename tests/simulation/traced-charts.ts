/**
 * Tells of each transition of a node's charts. Only what a seed decides is told: not XState's session
 * ids, nor when an actor started.
 */
import type { InspectionEvent } from 'xstate'
import type { Tell } from './trace.ts'

/** @returns what a node takes as `inspect` */
export function tracedCharts(tell: Tell, node: number): (event: InspectionEvent) => void {
  const values = new WeakMap<object, unknown>()
  return (event) => {
    if (event.type !== '@xstate.snapshot') return
    const { actorRef, snapshot } = event
    const { id, logic } = actorRef as unknown as { id: string; logic: { id: string } }
    const { value: to = null } = snapshot as { value?: unknown }
    const { status } = snapshot
    const from = values.get(actorRef) ?? null
    values.set(actorRef, to)
    tell('chart', {
      node,
      chart: logic.id,
      actor: id,
      on: event.event.type,
      from,
      to,
      ...(status === 'active' ? {} : { status }),
    })
  }
}
