/** The controller chart, walked at its host: by the clock, and where nothing is done by the clock. */
import { test } from 'uvu'
import { controller } from '../../machines/controller.ts'
import { listenToGuards } from './chart.ts'
import { adapterOf, type Intervals } from './controller-adapter.ts'
import { coverageOf } from './coverage.ts'
import { walk } from './walk.ts'

const starts: Record<string, Intervals> = {
  'by the clock': { idleIntervalMs: 500, balanceIntervalMs: 2_000, uncleanIntervalMs: 3_000 },
  'not by the clock': { idleIntervalMs: 0, balanceIntervalMs: 0, uncleanIntervalMs: 0 },
}

listenToGuards(controller)
const coverage = coverageOf('controller', controller)

for (const [name, intervals] of Object.entries(starts)) {
  test(`${name}: every path is what its host does`, () =>
    walk(controller, adapterOf(name, intervals), coverage))
}

test('nothing is left out', () => coverage.report())

test.run()
