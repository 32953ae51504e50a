/**
 * What a chart consists of, read from its definition, and what one event does to it: which of its
 * transitions are taken, which effects they name, how each guard was answered.
 */
import {
  type AnyActorRef,
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyStateNode,
  type AnyTransitionDefinition,
  createActor,
  type EventObject,
  type InspectionEvent,
} from 'xstate'

/** An effect that the chart names, with what it knows and has heard at that moment. */
export type Effect = { type: string; params: unknown; context: unknown; event: EventObject }

export type Answered = { guard: string; outcome: boolean }

/** One event and all that it led to, up to the next stable state. */
export type Move = {
  snapshot: AnyMachineSnapshot
  /** Transitions in the order in which they were taken, by `transitionId`. */
  taken: string[]
  effects: Effect[]
  answered: Answered[]
}

export type Definition = { states: string[]; transitions: string[]; guards: string[] }

/** Nodes below the root; what encloses others is passed through by them. */
function* nodesBelow(node: AnyStateNode): Generator<AnyStateNode> {
  for (const child of Object.values(node.states) as AnyStateNode[]) {
    yield child
    yield* nodesBelow(child)
  }
}

/** `source event[index]`: unlike a transition itself the same in every copy of the machine. */
export function transitionId(of: AnyTransitionDefinition): string {
  const { source, eventType } = of
  const alternatives: readonly AnyTransitionDefinition[] =
    eventType === '' ? (source.always ?? []) : (source.transitions.get(eventType) ?? [])
  const place = alternatives.length > 1 ? `[${alternatives.indexOf(of)}]` : ''
  return `${source.id} ${shortEvent(eventType)}${place}`
}

/** A timer under the name that the chart gives it. */
export const shortEvent = (type: string): string =>
  type === '' ? 'always' : type.replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1')

export const isTimer = ({ type }: EventObject): boolean => type.startsWith('xstate.after.')

export function definitionOf(machine: AnyStateMachine): Definition {
  const nodes = [machine.root as AnyStateNode, ...nodesBelow(machine.root)]
  const transitions = nodes.flatMap((node) => [
    ...[...node.transitions.values()].flat(),
    ...(node.always ?? []),
  ])
  return {
    states: nodes.slice(1).map(({ id }) => id),
    transitions: transitions.map((each) => transitionId(each)),
    guards: Object.keys(machine.implementations.guards),
  }
}

/** Charts whose guards are heard. */
const heard = new WeakSet<AnyStateMachine>()
let heardGuard: (answered: Answered) => void = () => {}

/** From now on each answer of a guard of this chart is heard, also in the copies that actors host. */
export function listenToGuards(machine: AnyStateMachine): void {
  if (heard.has(machine)) return
  heard.add(machine)
  const guards = machine.implementations.guards as Record<string, unknown>
  for (const [name, guard] of Object.entries(guards)) {
    if (typeof guard !== 'function') continue
    guards[name] = (...asked: unknown[]): boolean => {
      const outcome = Boolean(guard(...asked))
      heardGuard({ guard: name, outcome })
      return outcome
    }
  }
}

/** Who hears guards until `stop` is called. */
export function hearGuards(listener: (answered: Answered) => void): void {
  heardGuard = listener
}

/** The chart alone: no actor, no effect, no timer. */
export function pureChart(machine: AnyStateMachine, input: unknown) {
  let move: Omit<Move, 'snapshot'> = { taken: [], effects: [], answered: [] }
  const self = createActor(machine, { input: input as never })
  self.subscribe({ error() {} })
  self.system.inspect((event: InspectionEvent) => {
    if (event.type !== '@xstate.microstep') return
    move.taken.push(...event._transitions.map((each) => transitionId(each)))
  })
  const scope: AnyActorScope = {
    self,
    id: 'pure',
    sessionId: 'pure',
    logger() {},
    system: self.system,
    defer() {},
    emit() {},
    stopChild() {},
    actionExecutor({ type, params, info }) {
      const { context, event } = info
      if (!type.startsWith('xstate.')) move.effects.push({ type, params, context, event })
    },
  }

  function noted(step: () => AnyMachineSnapshot): Move {
    move = { taken: [], effects: [], answered: [] }
    const before = heardGuard
    heardGuard = (answered) => void move.answered.push(answered)
    try {
      return { ...move, snapshot: step() }
    } finally {
      heardGuard = before
    }
  }

  return {
    initial: (from: unknown = input): Move =>
      noted(() => machine.getInitialSnapshot(scope, from as never)),
    next: (snapshot: AnyMachineSnapshot, event: EventObject): Move =>
      noted(() => machine.transition(snapshot, event, scope)),
    /** A snapshot of a hosted copy, as one of this machine. */
    resolve: ({ value, context, status }: AnyMachineSnapshot): AnyMachineSnapshot =>
      machine.resolveState({ value, context, status } as never),
  }
}

export type PureChart = ReturnType<typeof pureChart>

export type LiveListener = {
  event(actor: AnyActorRef, event: EventObject): void
  taken(actor: AnyActorRef, transitions: string[]): void
  /** Before the effect runs. */
  effect(actor: AnyActorRef, effect: { type: string; params: unknown }): void
  settled(actor: AnyActorRef, snapshot: AnyMachineSnapshot): void
}

/** Hears each actor that is made of a copy of the chart, wherever in production code that happens. */
export function listenToActors(machine: AnyStateMachine, listener: LiveListener): () => void {
  const kind = Object.getPrototypeOf(machine) as AnyStateMachine
  const { getInitialSnapshot, restoreSnapshot } = kind
  const listen = (of: AnyStateMachine, { self, system }: AnyActorScope) => {
    if (of.config !== machine.config) return
    system.inspect((event: InspectionEvent) => {
      if (event.actorRef !== self) return
      if (event.type === '@xstate.event') listener.event(self, event.event)
      if (event.type === '@xstate.microstep') {
        listener.taken(self, event._transitions.map(transitionId))
      }
      if (event.type === '@xstate.action' && !event.action.type.startsWith('xstate.')) {
        const { type, params } = event.action
        listener.effect(self, { type, params })
      }
      if (event.type === '@xstate.snapshot') {
        listener.settled(self, event.snapshot as AnyMachineSnapshot)
      }
    })
  }
  kind.getInitialSnapshot = function (scope, input) {
    listen(this, scope)
    return getInitialSnapshot.call(this, scope, input)
  }
  kind.restoreSnapshot = function (snapshot, scope) {
    listen(this, scope)
    return restoreSnapshot.call(this, snapshot, scope)
  }
  return () => {
    kind.getInitialSnapshot = getInitialSnapshot
    kind.restoreSnapshot = restoreSnapshot
  }
}
