/**
 * What the walks are worth: an actor whose effects are left out, swapped or wrong, or whose chart
 * decides otherwise, is told from a sound one.
 */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyStateMachine } from 'xstate'
import { listenToGuards } from './chart.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { type Plan, planOf } from './plan.ts'
import { type Adapter, type World, walk } from './walk.ts'

type Action = (...of: unknown[]) => void
export type Actions = Readonly<Record<string, Action>>
type Guards = Readonly<Record<string, () => boolean>>
type Provided = { actions: Actions; guards?: Guards }

/** What a host provides, as it would be with a bug. */
type Bug = (provided: Provided) => Provided

/** `told`: what the walk says of it. */
type Broken = { bug: Bug; told: string }

export const broken = (patch: (actions: Actions) => Actions): Bug => {
  return (of) => ({ ...of, actions: { ...of.actions, ...patch(of.actions) } })
}
export const decides = (guards: Guards): Bug => {
  return (of) => ({ ...of, guards: { ...of.guards, ...guards } })
}

async function complaintOf<W extends World>(
  machine: AnyStateMachine,
  adapterOf: (coverage: Coverage) => Adapter<W>,
  plan: Plan,
  bug: Bug,
): Promise<string> {
  const { provide } = machine
  const coverage = coverageOf('a broken actor', machine)
  machine.provide = (of) => provide.call(machine, bug(of as unknown as Provided) as never)
  try {
    await walk(machine, adapterOf(coverage), coverage, plan)
    return 'nothing'
  } catch (error) {
    return (error as Error).message
  } finally {
    machine.provide = provide
  }
}

export function tell<W extends World>(
  machine: AnyStateMachine,
  adapterOf: (coverage: Coverage) => Adapter<W>,
  all: Readonly<Record<string, Broken>>,
): void {
  listenToGuards(machine)
  // All of them claim to be what the same chart says.
  const plan = planOf(adapterOf(coverageOf('what is planned', machine)))
  for (const [name, { bug, told }] of Object.entries(all)) {
    test(`told of the ${machine.id}: ${name}`, async () =>
      assert.match(await complaintOf(machine, adapterOf, plan, bug), told))
  }
}
