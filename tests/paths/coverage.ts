/**
 * What the walks through one chart have covered at its real actor: states, transitions and both
 * answers of every guard. A hole is a failure, unless it is named with its reason.
 */
import * as assert from 'uvu/assert'
import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from 'xstate'
import { chartLine, type Named, namedLine } from '../runner/charts.ts'
import { type Answered, definitionOf } from './chart.ts'

/** State, transition or `guard: true|false` → why no actor can come there. */
export type Exceptions = Readonly<Record<string, string>>

/** VERBOSE=1 tells of each step that was planned and not walked. */
const isVerbose = process.env['VERBOSE'] === '1'

export type Coverage = {
  paths: number
  steps: number
  /** Ids of steps that were taken. */
  readonly walked: ReadonlySet<string>
  /** The chart says what becomes of events that it does not know, and that is not walked yet. */
  hearsForeign(): boolean
  plan(ids: Iterable<string>): void
  step(id: string, transitions: string[]): void
  took(transitions: string[]): void
  reached(snapshot: AnyMachineSnapshot): void
  answered(answered: Answered): void
  /** What was to be caused and was not: the path ends there, and what it was for stays a hole. */
  missed(at: AnyMachineSnapshot, planned: EventObject, heard: EventObject[]): void
  /** An event that nothing outside causes was told at the actor's own door. */
  toldInside(type: string): void
  /** Says it, for the table of all charts, and asserts that nothing is missing but what is named. */
  report(inside?: Readonly<Record<string, string>>): void
}

export function coverageOf(
  name: string,
  machine: AnyStateMachine,
  exceptions: Exceptions = {},
): Coverage {
  const foreign = `${machine.id} *`
  const { states, transitions, guards } = definitionOf(machine)
  const answers = guards.flatMap((guard) => [`${guard}: true`, `${guard}: false`])
  const done = new Set<string>()
  const planned = new Set<string>()
  const walked = new Set<string>()
  const inside = new Set<string>()

  const missing = (all: string[]) => all.filter((each) => !done.has(each))
  const share = (all: string[]) => `${all.length - missing(all).length}/${all.length}`

  const coverage: Coverage = {
    paths: 0,
    steps: 0,
    walked,
    hearsForeign: () => transitions.includes(foreign) && !done.has(foreign),
    plan(ids) {
      for (const id of ids) planned.add(id)
    },
    step(id, taken) {
      walked.add(id)
      coverage.took(taken)
    },
    took(taken) {
      for (const each of taken) done.add(each)
    },
    reached({ _nodes }) {
      for (const { id } of _nodes as AnyStateNode[]) done.add(id)
    },
    answered: ({ guard, outcome }) => void done.add(`${guard}: ${outcome}`),
    missed({ value }, planned, heard) {
      if (!isVerbose) return
      console.log(
        `  missed ${[value, planned, heard].map((each) => JSON.stringify(each)).join(' ')}`,
      )
    },
    toldInside: (type) => void inside.add(type),
    report(named = {}) {
      const reasons = inside.has('*')
        ? { '*': 'no port tells what no chart knows', ...named }
        : named
      // What always goes on at once is passed through and rests nowhere.
      for (const each of transitions) {
        if (done.has(each) && each.includes(' always')) done.add(each.split(' ')[0]!)
      }
      const both = guards.filter(
        (guard) => done.has(`${guard}: true`) && done.has(`${guard}: false`),
      )
      const taken = [...planned].filter((id) => walked.has(id))
      const lines = [
        chartLine({
          name,
          states: share(states),
          transitions: share(transitions),
          guards: `${both.length}/${guards.length}`,
          steps: `${taken.length}/${planned.size}`,
          paths: coverage.paths,
          walked: coverage.steps,
        }),
      ]
      const say = (kind: Named['kind'], all: Readonly<Record<string, string>>) => {
        for (const [what, why] of Object.entries(all)) {
          lines.push(namedLine({ kind, chart: name, what, why }))
        }
      }
      say('EXCEPT', exceptions)
      say('INSIDE', reasons)
      console.log(`\n${lines.join('\n')}`)
      if (isVerbose) {
        for (const id of planned) if (!walked.has(id)) console.log(`  not walked: ${id}`)
      }
      const holes = missing([...states, ...transitions, ...answers])
      assert.equal(holes.sort(), Object.keys(exceptions).sort(), 'what nobody has walked is named')
      assert.equal([...inside].sort(), Object.keys(reasons).sort(), 'what is told inside is named')
    },
  }
  return coverage
}
