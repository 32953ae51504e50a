/** The whole trace of a history, and that listening to it changes nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { drawScript } from './draw.ts'
import { play } from './simulate.ts'
import type { TraceEvent } from './trace.ts'
import { lineOf } from './trace-lines.ts'

const script = drawScript({ seed: 7, faultyMs: 4_000, workload: ['groups'] })

async function traced(): Promise<{ events: TraceEvent[]; hash: string }> {
  const events: TraceEvent[] = []
  const { hash } = await play(script, (event) => events.push(event))
  return { events, hash }
}

test('who is listened to has the same history, and tells it the same each time', async () => {
  const silent = await play(script)
  const [first, second] = [await traced(), await traced()]
  assert.is(first.hash, silent.hash)
  assert.is(second.hash, silent.hash)
  assert.is(second.events.length, first.events.length)
  const lines = first.events.map((event) => JSON.stringify(event))
  for (const [index, event] of second.events.entries()) {
    if (JSON.stringify(event) !== lines[index]) assert.is(JSON.stringify(event), lines[index])
  }
})

test('messages, frames of clients, timers, disk calls and transitions of every chart are in it', async () => {
  const { events } = await traced()
  const of = (what: string) => events.filter((event) => event.what === what)
  const some = (what: string, field: string, value: unknown) =>
    assert.ok(
      of(what).some((event) => event[field] === value),
      `${what} with ${field} ${value}`,
    )
  for (const event of ['sent', 'arrived']) {
    some('message', 'event', event)
    some('client', 'event', event)
  }
  for (const event of ['set', 'fired', 'cleared']) some('timer', 'event', event)
  for (const op of ['write', 'sync', 'datasync', 'datasync done', 'rename']) some('disk', 'op', op)
  const charts = new Set(of('chart').map(({ chart }) => chart))
  assert.equal([...charts].sort(), [
    'brokerLifecycle',
    'brokerRegistration',
    'connection',
    'controller',
    'group',
    'probe',
    'quorum',
    'replica',
  ])
  const arrived = new Set(of('message').map(({ id }) => id))
  const sent = of('message').filter(({ event }) => event === 'sent')
  assert.is(sent.length, arrived.size, 'each message is sent once')
})

test('each event reads as a line: when, who, what', () => {
  const at = { ms: 12.3456, step: 1 }
  const message = { event: 'lost', id: 4, from: 1, to: 2, api: 'Fetch', bytes: 80, why: 'cut' }
  assert.is(
    lineOf({ ...at, what: 'message', ...message }),
    '      12.346  node 1 → node 2           lost Fetch (cut), 80 bytes, #4',
  )
  const chart = {
    node: 3,
    chart: 'quorum',
    actor: 'quorum-3',
    on: 'Vote',
    from: 'follower',
    to: 'unattached',
  }
  assert.is(
    lineOf({ ...at, what: 'chart', ...chart }),
    '      12.346  node 3                    quorum quorum-3: follower → unattached on Vote',
  )
  assert.is(
    lineOf({ ...at, what: 'kill', node: 2, life: 1 }),
    '      12.346  node 2                    kill life=1',
  )
})

test.run()
