/** A log line as a machine reads it, and as a person does. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createLogger } from '../../runtime/logging.ts'
import { systemRandom } from '../../runtime/random.ts'

const test = suite('logging')

test('a machine gets one JSON object a line, ids as fields', () => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', json: true, write: (line) => lines.push(line) })
  log.child({ node: 2 }).info({ brokerId: 3, to: 'fenced' }, 'broker fenced')
  log.debug({}, 'below the level')
  assert.is(lines.length, 1)
  const { time, ...entry } = JSON.parse(lines[0]!)
  assert.type(time, 'number')
  assert.equal(entry, { level: 30, node: 2, brokerId: 3, to: 'fenced', msg: 'broker fenced' })
})

test('a person gets words, fields and the stack of an error', () => {
  const lines: string[] = []
  const log = createLogger({ level: 'info', json: false, write: (line) => lines.push(line) })
  log.warn({ topic: 'a b', err: new Error('disk full') }, 'append failed')
  assert.match(lines[0]!, 'append failed')
  assert.match(lines[0]!, '"a b"')
  assert.match(lines[0]!, 'Error: disk full\n    at ')
})

test('uuids are 22 characters, never like an option, all different', () => {
  const drawn = Array.from({ length: 2_000 }, () => systemRandom.uuid())
  assert.ok(drawn.every((uuid) => /^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/.test(uuid)))
  assert.is(new Set(drawn).size, drawn.length)
})

test.run()
