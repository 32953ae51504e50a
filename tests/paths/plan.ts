/**
 * Paths through a chart, from the chart itself: XState finds the states that the offered events and
 * the chart's own timers lead to; from each of them each event is tried once. What it does there
 * (state, transitions taken, guards' answers) is a step that somebody has to walk.
 */
import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventObject,
  getNextTransitions,
} from 'xstate'
import { getShortestPaths } from 'xstate/graph'
import { isTimer, type Move, type PureChart, pureChart } from './chart.ts'

export type Bounds = {
  machine: AnyStateMachine
  input: unknown
  /** What may be told in this state; its timers are added. */
  events(snapshot: AnyMachineSnapshot): EventObject[]
  /** What tells states apart, beside the state's own name. */
  differs(context: never, value: unknown): unknown
  /**
   * States that do not differ may have other numbers, epochs say: a walk looks for the planned step
   * among the events that the state it is in has to offer.
   */
  isRelative?: boolean
  /** Nothing is tried beyond. */
  isFarEnough?(snapshot: AnyMachineSnapshot): boolean
}

export type Step = {
  /** One of those that may take it. */
  event: EventObject
  /** Unique in a plan. */
  key: string
  /** Tells steps apart: where it was taken, what it took, how guards answered. */
  id: string
  to: string
}

export type Plan = {
  pure: PureChart
  first: string
  keyOf(snapshot: AnyMachineSnapshot): string
  /** Steps by the key of the state they start in. */
  steps: Map<string, Step[]>
  /** Of all that is planned. */
  ids: Set<string>
  /** What takes the step from here; undefined: nothing does. */
  eventOf(step: Step, snapshot: AnyMachineSnapshot): EventObject | undefined
}

export function stepId(before: AnyMachineSnapshot, event: EventObject, move: Move): string {
  const guards = move.answered.map(({ guard, outcome }) => `${outcome ? '' : '!'}${guard}`)
  return JSON.stringify([before.value, event.type, move.taken, guards])
}

/** Timers that run in this state, as events. */
export const timersOf = (snapshot: AnyMachineSnapshot): EventObject[] =>
  getNextTransitions(snapshot)
    .map(({ eventType: type }) => ({ type }))
    .filter((event, index, all) => isTimer(event) && firstOf(all, event.type) === index)

const firstOf = (events: EventObject[], type: string) =>
  events.findIndex((event) => event.type === type)

export function planOf(bounds: Bounds): Plan {
  const { machine, input, events, differs, isFarEnough, isRelative = false } = bounds
  const pure = pureChart(machine, input)
  const keyOf = ({ value, context, status }: AnyMachineSnapshot): string =>
    JSON.stringify([value, status, differs(context as never, value)])
  const isOver = (snapshot: AnyMachineSnapshot) =>
    snapshot.status !== 'active' || (isFarEnough?.(snapshot) ?? false)
  const offered = (snapshot: AnyMachineSnapshot) => [...timersOf(snapshot), ...events(snapshot)]
  const paths = getShortestPaths(machine, {
    input: input as never,
    events: (snapshot: AnyMachineSnapshot) => offered(snapshot) as never,
    serializeState: keyOf as never,
    stopWhen: isOver as never,
    limit: 100_000,
  })
  const steps = new Map<string, Step[]>()
  const ids = new Set<string>()
  for (const { state } of paths) {
    const snapshot = state as AnyMachineSnapshot
    const from = keyOf(snapshot)
    if (steps.has(from)) continue
    steps.set(from, [])
    if (isOver(snapshot)) continue
    for (const event of offered(snapshot)) {
      const move = pure.next(snapshot, event)
      const id = stepId(snapshot, event, move)
      ids.add(id)
      const key = `${from} ${JSON.stringify(event)}`
      steps.get(from)!.push({ event, key, id, to: keyOf(move.snapshot) })
    }
  }

  function eventOf({ event, id, to }: Step, snapshot: AnyMachineSnapshot): EventObject | undefined {
    if (!isRelative) return event
    const takesIt = (each: EventObject): boolean => {
      const move = pure.next(snapshot, each)
      return stepId(snapshot, each, move) === id && keyOf(move.snapshot) === to
    }
    const there = offered(snapshot).filter(({ type }) => type === event.type)
    const isPlanned = (each: EventObject) => JSON.stringify(each) === JSON.stringify(event)
    return there.find((each) => isPlanned(each) && takesIt(each)) ?? there.find(takesIt)
  }
  return { pure, first: keyOf(pure.initial().snapshot), keyOf, steps, ids, eventOf }
}

/** The shortest way from a state to a step that is still wanted: its last element. */
export function wayTo(
  { steps }: Plan,
  from: string,
  isWanted: (step: Step) => boolean,
  isOpen: (step: Step) => boolean,
): Step[] | undefined {
  const ways = new Map<string, Step[]>([[from, []]])
  for (const [at, way] of ways) {
    for (const step of steps.get(at) ?? []) {
      if (isWanted(step)) return [...way, step]
    }
    for (const step of steps.get(at) ?? []) {
      if (!ways.has(step.to) && isOpen(step)) ways.set(step.to, [...way, step])
    }
  }
  return undefined
}
