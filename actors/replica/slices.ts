/**
 * Work in order, in slices between which the loop turns (decision 10): making a thousand replicas
 * takes a second of small files, and heartbeats do not wait for it.
 */
import type { Timer } from '../../transport/timers.ts'
import type { Clock } from '../ports/clock.ts'

/** Several nodes may share the loop, each with a slice between two of its looks at the sockets. */
const SLICE_MS = 2

/** @param halt told of what a later turn throws; the first one's caller hears it itself */
export function inSlices(clock: Clock, halt: (why: unknown) => void) {
  let steps: (() => void)[] = []
  let next = 0
  let turn: Timer | undefined

  function run(): void {
    turn = undefined
    const began = clock.monotonic()
    while (next < steps.length) {
      steps[next++]!()
      if (next < steps.length && clock.monotonic() - began >= SLICE_MS) {
        turn = clock.setTimeout(runLater, 0)
        return
      }
    }
    steps = []
    next = 0
  }

  function runLater(): void {
    try {
      run()
    } catch (error) {
      halt(error)
    }
  }

  return {
    add: (step: () => void): void => void steps.push(step),
    /** Does what it can now, the rest in later turns; what is added meanwhile comes after. */
    run(): void {
      if (turn === undefined) run()
    },
    stop(): void {
      if (turn !== undefined) clock.clearTimeout(turn)
      steps = []
    },
  }
}
