/**
 * The group chart, walked at a group coordinator: dynamic members, static ones, and groups that
 * another coordinator has left in the log.
 */
import { test } from 'uvu'
import { group } from '../../machines/group.ts'
import { listenToGuards } from './chart.ts'
import { coverageOf } from './coverage.ts'
import { adapterOf } from './group-adapter.ts'
import type { Start } from './group-world.ts'
import { walk } from './walk.ts'

const empty: Omit<Start, 'name'> = { isStatic: false, loaded: 0, sizeMax: 100 }
const starts: Start[] = [
  { ...empty, name: 'dynamic members' },
  { ...empty, name: 'static members', isStatic: true },
  { ...empty, name: 'a group from the log', loaded: 2 },
  { ...empty, name: 'a crowded group', loaded: 2, sizeMax: 1 },
]

listenToGuards(group)
const coverage = coverageOf('group', group)

for (const start of starts) {
  test(`${start.name}: every path is what the coordinator does`, () =>
    walk(group, adapterOf(start), coverage))
}

test('nothing is left out', () => coverage.report())

test.run()
