/**
 * What the group chart makes of what happens to it, told in `tests/traces/group/*.trace`.
 * REWRITE=1 writes what stands below each `----`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GroupEvent, Joiner, Roster } from '../../machines/group.ts'
import { chart, join, roster, sync } from './chart.ts'

const folder = fileURLToPath(new URL('../traces/group/', import.meta.url))

type Words = { flags: Set<string>; numbers: Partial<Roster> & Record<string, number> }

function wordsOf(words: string[]): Words {
  const numbers: Record<string, number> = {}
  const flags = new Set<string>()
  for (const word of words) {
    const [name, value] = word.split('=')
    if (value === undefined) flags.add(name!)
    else numbers[name === 'timeout' ? 'rebalanceTimeoutMs' : name!] = Number(value)
  }
  return { flags, numbers }
}

const joiners: Joiner[] = ['new', 'member', 'leader', 'replacement']

function eventOf(verb: string, { flags, numbers }: Words): GroupEvent {
  const generationId = numbers['generation'] ?? 0
  switch (verb) {
    case 'join': {
      const joiner = joiners.find((name) => flags.has(name))
      assert.ok(joiner, 'somebody joins')
      return join(joiner, numbers, flags.has('changed') || joiner === 'new')
    }
    case 'sync':
      return sync(flags.has('leader'), numbers)
    case 'leave':
      return { type: 'LeaveGroup', roster: roster(numbers) }
    case 'expire':
      return { type: 'sessionExpired', roster: roster(numbers) }
    case 'forget':
      return { type: 'promiseGone', roster: roster(numbers) }
    case 'stored':
      return { type: 'assignmentStored', generationId }
    case 'failed':
      return { type: 'assignmentFailed', generationId, error: 'COORDINATOR_NOT_AVAILABLE' }
    case 'unload':
      return { type: 'unloaded' }
    default:
      throw new Error(`a trace does not know '${verb}'`)
  }
}

async function play(text: string): Promise<string> {
  let on = chart()
  const out: string[] = []
  for (const block of text.split(/\n\n+/)) {
    const lines = block.split('\n').filter((line) => line !== '')
    const bar = lines.indexOf('----')
    const told = bar === -1 ? lines : lines.slice(0, bar)
    const commands = told.filter((line) => !line.startsWith('#'))
    for (const command of commands) {
      const [verb, ...rest] = command.split(' ')
      const words = wordsOf(rest)
      if (verb === 'group') {
        const { generation, members, delay } = words.numbers
        on = chart({
          generationId: generation ?? 0,
          members: members ?? 0,
          initialDelayMs: delay ?? 3_000,
          crowded: words.flags.has('crowded'),
        })
      } else if (verb === 'wait') await on.clock.advance(Number(rest[0]))
      else on.tell(eventOf(verb!, words))
    }
    if (commands.length === 0) {
      out.push(told.join('\n'))
      continue
    }
    const effects = on
      .take()
      .map(({ effect, error }) => `  ${effect}${error === undefined ? '' : ` error=${error}`}`)
    const state = `${on.state()} generation=${on.generationId()}`
    out.push([...told, '----', state, ...effects].join('\n'))
  }
  assert.equal(on.errors, [])
  return `${out.join('\n\n')}\n`
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.trace'))) {
  test(file.replace('.trace', '').replaceAll('-', ' '), async () => {
    const text = readFileSync(folder + file, 'utf8')
    const played = await play(text.trimEnd())
    if (process.env['REWRITE'] === '1') writeFileSync(folder + file, played)
    else assert.fixture(played, text)
  })
}

test.run()
