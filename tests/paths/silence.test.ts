/**
 * X1: no chart drops an event silently. In each state an event of the chart is either mentioned, with an
 * alternative that nothing guards, or falls to the root's `unexpected`, which its host takes for a
 * broken invariant.
 */
import { readdirSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type AnyStateMachine,
  type AnyStateNode,
  type AnyTransitionDefinition,
  createMachine,
} from 'xstate'

const folder = new URL('../../machines/', import.meta.url)

const isMachine = (value: unknown): value is AnyStateMachine =>
  typeof value === 'object' && value !== null && 'root' in value && 'definition' in value

const charts = new Map<string, AnyStateMachine>()
for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
  const exported: object = await import(new URL(file, folder).href)
  for (const value of Object.values(exported)) if (isMachine(value)) charts.set(value.id, value)
}

function* nodesOf(node: AnyStateNode): Generator<AnyStateNode> {
  yield node
  for (const child of Object.values(node.states) as AnyStateNode[]) yield* nodesOf(child)
}

/** This node and all that enclose it, the innermost first. */
function* around(node: AnyStateNode | undefined): Generator<AnyStateNode> {
  for (let at = node; at !== undefined; at = at.parent) yield at
}

const eventsOf = (chart: AnyStateMachine): Set<string> =>
  new Set(
    [...nodesOf(chart.root)]
      .flatMap((node) => [...node.transitions.keys()])
      .filter((type) => type !== '*' && !type.startsWith('xstate.')),
  )

const isTotal = (alternatives: readonly AnyTransitionDefinition[] | undefined): boolean =>
  alternatives?.at(-1) !== undefined && alternatives.at(-1)!.guard === undefined

/** Where an event would be dropped, in words. */
function silences(chart: AnyStateMachine): string[] {
  const found: string[] = []
  for (const node of nodesOf(chart.root)) {
    if (node.type !== 'atomic') continue
    for (const event of eventsOf(chart)) {
      const isHeard = [...around(node)].some(
        ({ transitions }) => isTotal(transitions.get(event)) || isTotal(transitions.get('*')),
      )
      if (!isHeard) found.push(`${node.id}: ${event}`)
    }
  }
  return found
}

test('what is dropped in one state is found', () => {
  const chart = createMachine({
    id: 'deaf',
    initial: 'hears',
    states: {
      hears: { on: { called: { target: 'sleeps' }, poked: {} } },
      sleeps: { on: { called: {}, poked: { guard: () => false, target: 'hears' } } },
    },
  })
  assert.equal(silences(chart), ['deaf.sleeps: poked'])
})

test('there are charts', () => {
  assert.ok(charts.size >= 8, [...charts.keys()].join())
})

for (const [name, chart] of charts) {
  test(`X1: ${name} hears each of its ${eventsOf(chart).size} events in every state`, () => {
    assert.equal(silences(chart), [])
  })

  test(`X1: what ${name} does not foresee is unexpected`, () => {
    const [any] = chart.root.transitions.get('*') ?? []
    if (any === undefined) return
    const actions = any.actions.map((action) =>
      typeof action === 'object' && 'type' in action ? action.type : String(action),
    )
    assert.ok(actions.includes('unexpected'), actions.join())
  })
}

test.run()
