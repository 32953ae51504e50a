/**
 * What the registration chart makes of what it hears, told in `tests/traces/broker-registration/`;
 * REWRITE=1 writes what stands below each `----`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
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

test.run()
