/**
 * The one who owns time: a heap of (time, sequence). After each task all promises are drained, so
 * nothing is ever left to the real event loop and a seed gives one history.
 *
 * `process._tickCallback` drains only when called from a macrotask: `inMacrotask` is where a world is
 * run. Where it is missing the loop is the same, with a `setImmediate` after each task.
 */
import type { Clock } from '../../actors/ports/clock.ts'
import type { Timer } from '../../transport/timers.ts'
import type { Tell } from './trace.ts'

export type Task = { at: number; order: number; run: (() => void) | undefined }

export type Scheduler = {
  /** Simulated ms since the world began. */
  now(): number
  steps(): number
  after(ms: number, run: () => void): Task
  /** At a time, exactly: one that is computed from now may come before another of the same time. */
  at(at: number, run: () => void): Task
  cancel(task: Task): void
  /** Runs until it holds, the time is over or nothing is left to do. @returns whether it holds */
  run(until: () => boolean, upToMs: number): Promise<boolean>
  /** Called after each task, once its promises are drained. */
  onStep(listener: () => void): void
  /** What runs in this step concerns one machine, which says so; else it may concern all. */
  claim(): void
  isClaimed(): boolean
}

const drain = (process as unknown as { _tickCallback?: () => void })._tickCallback
/** Real turns of the loop now and then, for whoever prints or stops us. */
const stepsPerTurn = 20_000

export function createScheduler(): Scheduler {
  const heap = taskHeap()
  const listeners: (() => void)[] = []
  let now = 0
  let order = 0
  let steps = 0
  let claimed = -1

  function at(due: number, run: () => void): Task {
    const task: Task = { at: Math.max(now, due), order: order++, run }
    heap.push(task)
    return task
  }

  function step(task: Task): void {
    now = task.at
    steps++
    const { run } = task
    task.run = undefined
    run!()
  }

  function nextBefore(end: number): Task | undefined {
    for (let task = heap.peek(); task !== undefined; task = heap.peek()) {
      if (task.run !== undefined) return task.at <= end ? heap.pop() : undefined
      heap.pop()
    }
    return undefined
  }

  const told = () => {
    for (const listener of listeners) listener()
  }

  return {
    now: () => now,
    steps: () => steps,
    after: (ms, run) => at(now + Math.max(0, ms), run),
    at,
    cancel(task) {
      task.run = undefined
    },
    run(until, upToMs) {
      const end = now + upToMs
      return new Promise<boolean>((resolve, reject) => {
        const turn = () => {
          try {
            drain?.()
            for (let left = drain === undefined ? 1 : stepsPerTurn; left > 0; left--) {
              if (until()) return resolve(true)
              const task = nextBefore(end)
              if (task === undefined) {
                now = end
                return resolve(until())
              }
              step(task)
              drain?.()
              told()
            }
            setImmediate(turn)
          } catch (why) {
            reject(why)
          }
        }
        setImmediate(turn)
      })
    },
    onStep: (listener) => void listeners.push(listener),
    claim() {
      claimed = steps
    },
    isClaimed: () => claimed === steps,
  }
}

function taskHeap() {
  const tasks: Task[] = []
  const isBefore = (a: Task, b: Task) => a.at < b.at || (a.at === b.at && a.order < b.order)
  return {
    peek: (): Task | undefined => tasks[0],
    push(task: Task): void {
      let at = tasks.push(task) - 1
      while (at > 0) {
        const parent = (at - 1) >> 1
        if (!isBefore(task, tasks[parent]!)) break
        tasks[at] = tasks[parent]!
        at = parent
      }
      tasks[at] = task
    },
    pop(): Task | undefined {
      const first = tasks[0]
      const last = tasks.pop()
      if (last === undefined || first === last) return first
      let at = 0
      for (;;) {
        let child = at * 2 + 1
        if (child >= tasks.length) break
        if (child + 1 < tasks.length && isBefore(tasks[child + 1]!, tasks[child]!)) child++
        if (!isBefore(tasks[child]!, last)) break
        tasks[at] = tasks[child]!
        at = child
      }
      tasks[at] = last
      return first
    },
  }
}

/**
 * One machine's share of time: what is due while it is paused runs when it goes on, late and in
 * order. Its wall clock may be off, and drift; its monotonic clock drifts alike.
 */
export type Machine = Clock & {
  pauseUntil(at: number): void
  isPaused(): boolean
  pendingTimers(): number
  /** Now, or when it goes on. */
  whenAwake(run: () => void): void
  /** In this step something ran on it, or happened to it from outside. */
  isTouched(): boolean
  stepClock(ms: number): void
  /** 1: true time. */
  setRate(rate: number): void
}

const wallStartMs = 1_700_000_000_000

/** @param tell hears of each timer, with the number of the machine's node */
export function createMachine(scheduler: Scheduler, tell?: Tell, node = 0): Machine {
  let timers = 0
  let pending = 0
  let pausedUntil = 0
  let wallOffset = 0
  let rate = 1
  let monotonicBase = 0
  let trueBase = 0
  let ranIn = -1

  function runHere(run: () => void): void {
    scheduler.claim()
    ranIn = scheduler.steps()
    run()
  }

  const monotonic = () => monotonicBase + (scheduler.now() - trueBase) * rate

  const machine: Machine = {
    now: () => Math.floor(wallStartMs + wallOffset + monotonic()),
    monotonic,
    setTimeout(run, ms) {
      const id = ++timers
      pending++
      const fire = () => {
        if (scheduler.now() >= pausedUntil) {
          tell?.('timer', { event: 'fired', node, id })
          pending--
          runHere(run)
        } else handle.task = scheduler.at(pausedUntil, fire)
      }
      const handle = { task: scheduler.after(Math.max(0, ms) / rate, fire), id }
      tell?.('timer', { event: 'set', node, id, inMs: ms })
      return handle as unknown as Timer
    },
    clearTimeout(timer) {
      const { task, id } = timer as unknown as { task: Task; id: number }
      if (task.run !== undefined) {
        tell?.('timer', { event: 'cleared', node, id })
        pending--
      }
      scheduler.cancel(task)
    },
    pauseUntil(at) {
      pausedUntil = Math.max(pausedUntil, at)
    },
    isPaused: () => scheduler.now() < pausedUntil,
    pendingTimers: () => pending,
    whenAwake(run) {
      // What was due while it was paused comes first.
      if (scheduler.now() > pausedUntil) runHere(run)
      else machine.setTimeout(run, 0)
    },
    isTouched: () => ranIn === scheduler.steps() || !scheduler.isClaimed(),
    stepClock(ms) {
      wallOffset += ms
    },
    setRate(next) {
      monotonicBase = monotonic()
      trueBase = scheduler.now()
      rate = next
    },
  }
  return machine
}
