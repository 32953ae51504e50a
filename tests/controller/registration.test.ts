/**
 * What the registration chart makes of what it hears, told in `tests/traces/broker-registration/`;
 * REWRITE=1 writes what stands below each `----`. And every state by a path that XState finds.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { getShortestPaths } from 'xstate/graph'
import { brokerRegistration, type RegistrationEvent } from '../../machines/broker-registration.ts'
import { chart, heartbeat, registered } from './registration-chart.ts'

const folder = fileURLToPath(new URL('../traces/broker-registration/', import.meta.url))

async function play(text: string): Promise<string> {
  let on = chart()
  const out: string[] = []
  for (const block of text.trimEnd().split(/\n\n+/)) {
    const lines = block.split('\n')
    const bar = lines.indexOf('----')
    const told = bar < 0 ? lines : lines.slice(0, bar)
    const commands = told.filter((line) => !line.startsWith('#'))
    for (const command of commands) {
      const [verb, ...words] = command.split(' ')
      const flags = new Set(words)
      const numbers = Object.fromEntries(
        words.filter((word) => word.includes('=')).map((word) => word.split('=')),
      ) as Record<string, string>
      switch (verb) {
        case 'register':
          on = chart(
            registered({
              registrationOffset: Number(numbers['offset'] ?? 100),
              fenced: !flags.has('unfenced'),
              inControlledShutdown: flags.has('stopping'),
            }),
          )
          break
        case 'heartbeat':
          on.actor.send(
            heartbeat({
              currentMetadataOffset: Number(numbers['at'] ?? 100),
              leaderships: Number(numbers['leads'] ?? 0),
              wantFence: flags.has('wantFence'),
              wantShutDown: flags.has('wantShutDown'),
              handOverSeen: !flags.has('unseen'),
            }),
          )
          break
        case 'gone':
          on.actor.send({ type: 'brokerGone' })
          break
        case 'stalled':
          on.stalled(true)
          break
        case 'kept-up':
          on.stalled(false)
          break
        case 'wait':
          await on.clock.advance(Number(words[0]))
          break
        default:
          throw new Error(`a trace does not know '${verb}'`)
      }
    }
    if (commands.length === 0) {
      out.push(told.join('\n'))
      continue
    }
    const effects = on.take().map((change) => {
      const [[name, value] = []] = Object.entries(change)
      return `  appendChange ${name}=${value}`
    })
    out.push([...told, '----', on.state(), ...effects].join('\n'))
  }
  assert.equal(on.errors, [])
  return `${out.join('\n\n')}\n`
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.trace'))) {
  test(file.replace('.trace', '').replaceAll('-', ' '), async () => {
    const text = readFileSync(folder + file, 'utf8')
    const played = await play(text)
    if (process.env['REWRITE'] === '1') writeFileSync(folder + file, played)
    else assert.fixture(played, text)
  })
}

const timers = [
  'xstate.after.sessionTimeout.brokerRegistration.unfenced.lives',
  'xstate.after.stallGrace.brokerRegistration.unfenced.overdue',
  'xstate.after.sessionTimeout.brokerRegistration.controlledShutdown.lives',
  'xstate.after.stallGrace.brokerRegistration.controlledShutdown.overdue',
]
const beats = [
  heartbeat(),
  heartbeat({ wantFence: true }),
  heartbeat({ wantShutDown: true }),
  heartbeat({ wantShutDown: true, leaderships: 3 }),
  heartbeat({ wantShutDown: true, handOverSeen: false }),
  heartbeat({ currentMetadataOffset: 1 }),
]
const events = [
  ...beats,
  { type: 'brokerGone' },
  ...timers.map((type) => ({ type }) as unknown as RegistrationEvent),
] as RegistrationEvent[]

/** Kept up and stalled loops reach different states, so the graph is walked with both. */
const reached = [true, false].flatMap((keptUp) =>
  [false, true].flatMap((fenced) =>
    getShortestPaths(
      brokerRegistration.provide({
        guards: { keptUp: () => keptUp },
        actions: { unexpected: () => {} },
      }),
      {
        input: registered({ fenced }),
        events,
        serializeState: ({ value }) => JSON.stringify(value),
      },
    ),
  ),
)

test('every state is reached by a path that replays', () => {
  const states = new Set(reached.map(({ state }) => JSON.stringify(state.value)))
  assert.equal([...states].sort(), [
    '"fenced"',
    '"shutdownNow"',
    '{"controlledShutdown":"lives"}',
    '{"controlledShutdown":"overdue"}',
    '{"unfenced":"lives"}',
    '{"unfenced":"overdue"}',
  ])
})

test('the log learns of each fencing exactly once, along every path', () => {
  for (const { state, steps } of reached) {
    const [first] = steps
    const on = chart(registered({ fenced: first?.state.value === 'fenced' || steps.length === 0 }))
    let fenced = on.actor.getSnapshot().hasTag('fenced')
    for (const { event } of steps) {
      // The walk's own first event, and timers, which the clock plays.
      if ((event.type as string).startsWith('xstate.')) continue
      if (on.actor.getSnapshot().status !== 'active') break
      on.actor.send(event)
      const now = on.actor.getSnapshot().hasTag('fenced')
      const told = on.take().filter((change) => change.fenced !== undefined)
      assert.is(told.length, now === fenced ? 0 : 1, `${JSON.stringify(state.value)} ${event.type}`)
      fenced = now
    }
    on.actor.stop()
  }
})

test.run()
