/**
 * Walks planned paths at the real actor. Each step is caused from outside; whatever the hosted chart
 * then hears is played on the chart alone, too, and both must agree on state, transitions and
 * effects. While an effect runs, and after it, the ports must see what it stands for, in its order.
 */
import * as assert from 'uvu/assert'
import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, EventObject } from 'xstate'
import { type Effect, hearGuards, isTimer, listenToActors, type Move } from './chart.ts'
import type { Coverage } from './coverage.ts'
import { type Bounds, type Plan, planOf, type Step, stepId, timersOf, wayTo } from './plan.ts'

/** What the outside sees of one effect. */
export type Seen = {
  /** Before the next effect begins: exactly these, in this order. */
  now?: string[]
  /**
   * Once the step is over: a line that begins so, for each purpose. Of one purpose the last word
   * counts, null takes it back.
   */
  later?: Record<string, string | null>
}

export type World = {
  /** What the ports have seen since it was last asked. */
  take(): string[]
  /** What falls due without time passing is done. */
  settle(): Promise<void>
  /** Lets the next timer run, and all that follows at once. @returns false when there is none */
  tick(): Promise<boolean>
  /** Set once the node was told to end. */
  halted(): unknown
  close(): Promise<void> | void
}

/** How one chart's actor is reached, and what its effects look like. */
export type Adapter<W extends World> = Bounds & {
  /** Which start of the actor this is. */
  name: string
  open(): Promise<W>
  /** Where nothing is to be decided there is no actor: a row is, of which one is made anew. */
  isMadeAnew?: boolean
  /** Its id, where a world hosts several of the kind. */
  actorId?: string
  /** Makes the event happen, from outside where that is possible. */
  cause(world: W, event: never, before: AnyMachineSnapshot): Promise<void> | void
  /** Whether what was heard is the event that was planned; absent: when they are equal. */
  isSame?(planned: never, heard: EventObject, before: AnyMachineSnapshot): boolean
  /** What an effect does, asked just before it runs. */
  effect(world: W, effect: Effect): Seen
  /** What goes on by itself in a state, whatever the chart hears. */
  goesOn?(line: string, snapshot: AnyMachineSnapshot, world: W): boolean
  /** Holds after each step. */
  holds?(world: W, snapshot: AnyMachineSnapshot): void
}

/** An event that no chart knows. */
const foreign = 'what nobody knows'
const stepsMax = 60
const triesMax = 2
/** What many states plan and none can cause is given up. */
const triesOfAllMax = 6
const ticksMax = 2_000

type Segment = {
  effect: Effect | undefined
  seen: Seen
  lines: string[]
  /** Where the chart is then. */
  at: AnyMachineSnapshot
}

/** Walks until every planned step was taken, or cannot be. */
export async function walk<W extends World>(
  machine: AnyStateMachine,
  adapter: Adapter<W>,
  coverage: Coverage,
  plan: Plan = planOf(adapter),
): Promise<void> {
  const tries = new Map<string, number>()
  const isOpen = ({ key }: Step) => (tries.get(key) ?? 0) < triesMax
  const isWanted = (step: Step) =>
    !coverage.walked.has(step.id) && isOpen(step) && (tries.get(step.id) ?? 0) < triesOfAllMax
  coverage.plan(plan.ids)
  let first = plan.first
  if (coverage.hearsForeign()) await tellForeign()
  // How it starts is walked even where all else was: another start may have the same plan.
  do await walkOne()
  while (wayTo(plan, first, isWanted, isOpen) !== undefined)

  /** What the chart does not know ends the node, wherever it is told. */
  async function tellForeign(): Promise<void> {
    const live = follow(machine, adapter, plan, coverage)
    try {
      await live.open()
      for (let count = 0; count < stepsMax && !live.isAwake(); count++) {
        const here = plan.keyOf(live.snapshot())
        const [step] = wayTo(plan, here, ({ to }) => to !== here, isOpen) ?? []
        const event = step && plan.eventOf(step, live.snapshot())
        if (event === undefined || !(await live.step(event))) return
      }
      if (await live.tell({ type: foreign })) coverage.toldInside('*')
    } finally {
      await live.close()
    }
  }

  async function walkOne(): Promise<void> {
    coverage.paths++
    const path: string[] = []
    const live = follow(machine, adapter, plan, coverage)
    try {
      const world = await live.open()
      // An actor may go on by itself as it starts.
      first = plan.keyOf(live.snapshot())
      let way = wayTo(plan, first, isWanted, isOpen)
      for (let count = 0; way !== undefined && count < stepsMax; count++) {
        const [step] = way as [Step]
        const event = plan.eventOf(step, live.snapshot())
        path.push(JSON.stringify(event ?? step.event))
        const isHeard = event !== undefined && (await live.step(event))
        // What leads somewhere else than planned is no way to get there.
        const isThere = isHeard && plan.keyOf(live.snapshot()) === step.to
        const isAsPlanned = isThere && coverage.walked.has(step.id)
        if (!isAsPlanned) {
          for (const key of [step.key, step.id]) tries.set(key, (tries.get(key) ?? 0) + 1)
        }
        if (!isHeard || world.halted() !== undefined || live.snapshot().status !== 'active') return
        way = wayTo(plan, plan.keyOf(live.snapshot()), isWanted, isOpen)
      }
    } catch (error) {
      const where = `${adapter.name}, after\n  ${path.join('\n  ')}`
      const { stack, details = '' } = error as Error & { details?: string }
      throw new Error(`${where}\n${details}\n${stack}`)
    } finally {
      await live.close()
    }
  }
}

function follow<W extends World>(
  machine: AnyStateMachine,
  adapter: Adapter<W>,
  { pure }: Plan,
  coverage: Coverage,
) {
  let world: W | undefined
  /** The last one that was heard of. */
  let actor: AnyActorRef | undefined
  let current: AnyMachineSnapshot | undefined
  let segments: Segment[] = []
  let heard: EventObject[] = []
  let wrong: unknown
  // Of the event that is being processed.
  const queue: EventObject[] = []
  let move: Move | undefined
  let taken: string[] = []
  let effects = 0

  const begin = (effect: Effect | undefined, seen: Seen): void => {
    collect()
    const at = effect === undefined ? current! : moved().snapshot
    segments.push({ effect, seen, lines: [], at })
  }
  const collect = (): void => {
    if (world !== undefined) segments.at(-1)?.lines.push(...world.take())
  }
  const moved = (): Move => {
    const [event] = queue
    assert.ok(event, 'an event is being processed')
    move ??= isInit(event) ? pure.initial(event.input) : pure.next(current!, event)
    return move
  }
  /** A failed assertion must not look like a failure of the actor that runs us. */
  const guarded = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      wrong ??= error
    }
  }
  const isOurs = (actor: AnyActorRef) =>
    adapter.actorId === undefined || actor.id === adapter.actorId

  const stopListening = listenToActors(machine, {
    event(of, event) {
      if (!isOurs(of)) return
      actor = of
      // The start of an actor over a snapshot is no event of the chart.
      if (isInit(event) && current !== undefined && !adapter.isMadeAnew) return
      queue.push(event)
      heard.push(event)
    },
    taken: (actor, transitions) => {
      if (isOurs(actor)) taken.push(...transitions)
    },
    effect(actor, { type, params }) {
      if (!isOurs(actor)) return
      guarded(() => {
        const wanted = moved().effects[effects++]
        assert.is(type, wanted?.type, 'effects come in the order of the chart')
        assert.equal(params, wanted?.params, `params of ${type}`)
        // It ends the actor, which settles no more.
        if (type === 'unexpected')
          coverage.step(stepId(current!, queue[0]!, moved()), moved().taken)
        if (world !== undefined) begin(wanted, adapter.effect(world, wanted!))
      })
    },
    settled(actor, snapshot) {
      if (!isOurs(actor) || queue.length === 0) return
      guarded(() => {
        const chart = moved()
        const wanted = chart.snapshot
        const event = queue.shift()!
        assert.equal(snapshot.value, wanted.value, `the state after ${JSON.stringify(event)}`)
        assert.equal(snapshot.context, wanted.context, `the context after ${JSON.stringify(event)}`)
        assert.equal(taken, chart.taken, `transitions of ${JSON.stringify(event)}`)
        assert.is(effects, chart.effects.length, `effects of ${JSON.stringify(event)}`)
        if (current !== undefined) coverage.step(stepId(current, event, chart), taken)
        else coverage.took(taken)
        coverage.reached(wanted)
        current = pure.resolve(wanted)
        begin(undefined, {})
      })
      move = undefined
      taken = []
      effects = 0
    },
  })
  hearGuards(coverage.answered)

  function compare(): void {
    collect()
    if (wrong !== undefined) throw wrong
    const later = new Map<string, string>()
    let mustHalt = false
    const free: { line: string; at: AnyMachineSnapshot }[] = []
    for (const { effect, seen, lines, at } of segments) {
      const { now = [] } = seen
      assert.equal(lines.splice(0, now.length), now, `what ${effect?.type} does at once`)
      free.push(...lines.map((line) => ({ line, at })))
      mustHalt ||= effect?.type === 'unexpected'
      for (const [purpose, line] of Object.entries(seen.later ?? {})) {
        if (line === null) later.delete(purpose)
        else later.set(purpose, line)
      }
    }
    for (const [purpose, line] of later) {
      const at = free.findIndex((each) => each.line.startsWith(line))
      assert.ok(at >= 0, `${purpose}: '${line}' among ${free.map((each) => each.line)}`)
      free.splice(at, 1)
    }
    const unasked = free.filter(({ line, at }) => !adapter.goesOn?.(line, at, world!))
    assert.equal(
      unasked.map(({ line, at }) => `${line} in ${JSON.stringify(at.value)}`),
      [],
      'nothing else is done',
    )
    if (mustHalt) assert.ok(world!.halted(), 'what must not be ends the node')
    segments = []
  }

  return {
    snapshot: () => current!,
    async open(): Promise<W> {
      world = await adapter.open()
      await world.settle()
      if (adapter.isMadeAnew) current ??= pure.initial().snapshot
      assert.ok(current, 'the actor hosts the chart')
      world.take()
      segments = []
      begin(undefined, {})
      if (wrong !== undefined) throw wrong
      return world
    },
    /** @returns whether the actor's chart has heard it */
    async step(event: EventObject): Promise<boolean> {
      heard = []
      begin(undefined, {})
      coverage.steps++
      const before = current!
      const isHeard = () =>
        heard.some((each) =>
          adapter.isSame && !isTimer(event)
            ? adapter.isSame(event as never, each, before)
            : isEqual(each, event),
        )
      if (isTimer(event)) {
        for (let ticks = 0; !isHeard() && ticks < ticksMax; ticks++) {
          const isRunning = timersOf(current!).some(({ type }) => type === event.type)
          if (wrong !== undefined || !isRunning || !(await world!.tick())) break
        }
      } else await adapter.cause(world!, event as never, current!)
      await world!.settle()
      compare()
      adapter.holds?.(world!, current!)
      if (!isHeard()) coverage.missed(before, event, heard)
      return isHeard()
    },
    isAwake: () => actor?.getSnapshot().status === 'active',
    /** At the actor's own door. @returns whether there is one */
    async tell(event: EventObject): Promise<boolean> {
      if (actor?.getSnapshot().status !== 'active') return false
      begin(undefined, {})
      actor.send(event)
      await world!.settle()
      compare()
      return true
    },
    async close(): Promise<void> {
      stopListening()
      hearGuards(() => {})
      await world?.close()
    },
  }
}

const isInit = (event: EventObject): event is EventObject & { input: unknown } =>
  event.type === 'xstate.init'

const isEqual = (a: EventObject, b: EventObject): boolean => {
  try {
    assert.equal(a, b)
    return true
  } catch {
    return false
  }
}
