/** No event is dropped by silence. Paths through these charts are walked in `tests/paths/`. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyStateMachine, AnyStateNode } from 'xstate'
import { connection } from '../../machines/connection.ts'
import { probe } from '../../machines/probe.ts'

type Event = { type: string }

const probeEvents: Event[] = [
  { type: 'heard' },
  { type: 'silent' },
  { type: 'delayed', ...{ at: 300 } },
  { type: 'blinded' },
  { type: 'noResponders', ...{ sentAt: 0, at: 0, witnessedAt: 0 } },
  { type: 'noResponders', ...{ sentAt: 300, at: 300, witnessedAt: 300 } },
]
const connectionEvents: Event[] = [
  { type: 'congested' },
  { type: 'relieved' },
  { type: 'malformed', ...{ why: 'a test' } },
  { type: 'failed', ...{ why: 'a test' } },
  { type: 'drain' },
  { type: 'settled' },
  { type: 'disconnected' },
]
const charts: [string, AnyStateMachine, Event[]][] = [
  ['probe', probe, probeEvents],
  ['connection', connection, connectionEvents],
]

const leaves = (node: AnyStateNode): AnyStateNode[] => {
  const children = Object.values(node.states) as AnyStateNode[]
  return children.length === 0 ? [node] : children.flatMap(leaves)
}

/** Whether a leaf or a state around it names the event, if only to say why nothing happens. */
const mentions = (leaf: AnyStateNode, type: string): boolean => {
  for (let node: AnyStateNode | undefined = leaf; node !== undefined; node = node.parent) {
    if (Object.hasOwn(node.config.on ?? {}, type)) return true
  }
  return false
}

for (const [name, chart, events] of charts) {
  test(`${name}: each state says what it does with each event`, () => {
    const unsaid = leaves(chart.root)
      .filter(({ type }) => type !== 'final')
      .flatMap((leaf) =>
        events.filter(({ type }) => !mentions(leaf, type)).map(({ type }) => `${leaf.id} ${type}`),
      )
    assert.equal(unsaid, [])
  })
}

test.run()
