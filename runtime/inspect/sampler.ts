/**
 * What of XState's inspection events is worth showing: actors, and their changes of state. The rest
 * (heartbeats that change nothing) is let through only as far as a budget a second goes.
 *
 * Actors are announced again from time to time, since whoever opens the inspector late saw none of
 * them begin.
 */
import type { InspectionEvent } from 'xstate'

export type SamplerLimits = {
  /** Actors beyond this many are not shown: an inspector with thousands of rows shows nothing. */
  actorsMax: number
  /** Events a second that change no state. */
  quietEventsPerSecond: number
}

type Budget = { second: number; left: number }
type Shown = { announcement: InspectionEvent; value: string }

const stateOf = (snapshot: unknown): string => {
  const { value, status } = snapshot as { value?: unknown; status?: string }
  return JSON.stringify([status, value])
}

/** @param nowMs monotonic */
export function createSampler(
  limits: SamplerLimits,
  show: (event: InspectionEvent) => void,
  nowMs: () => number,
) {
  const shown = new Map<string, Shown>()
  const budget: Budget = { second: 0, left: limits.quietEventsPerSecond }

  function withinBudget(): boolean {
    const second = Math.floor(nowMs() / 1_000)
    if (second !== budget.second) {
      budget.second = second
      budget.left = limits.quietEventsPerSecond
    }
    return budget.left-- > 0
  }

  function inspect(event: InspectionEvent): void {
    const { sessionId } = event.actorRef
    if (event.type === '@xstate.actor') {
      if (shown.size >= limits.actorsMax) return
      shown.set(sessionId, { announcement: event, value: '' })
      show(event)
      return
    }
    const actor = shown.get(sessionId)
    if (actor === undefined) return
    if (event.type !== '@xstate.snapshot') {
      if (event.type === '@xstate.event' && withinBudget()) show(event)
      return
    }
    const value = stateOf(event.snapshot)
    const changed = value !== actor.value
    actor.value = value
    if (changed || withinBudget()) show(event)
    if (event.snapshot.status !== 'active') shown.delete(sessionId)
  }

  return {
    inspect,
    announce() {
      for (const { announcement } of shown.values()) show(announcement)
    },
  }
}
