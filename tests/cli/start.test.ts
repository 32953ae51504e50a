/** `samsa start` as a user meets it: what is in its way is told in one line, and Ctrl-C ends it cleanly. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { eventually, root, start } from '../real/support/processes.ts'
import { realSuite } from '../real/support/real-suite.ts'

const test = realSuite('samsa start')

let folder = ''
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'samsa-start-'))
})
test.after.each(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 50 })
})

const samsa = (...args: string[]) =>
  start(
    process.execPath,
    ['--import', 'tsx/esm', join(root, 'runtime/cli/samsa.ts'), 'start', ...args],
    { env: { TMPDIR: folder } },
  )

const here = (...args: string[]) => samsa('--port', '0', '--data', join(folder, 'data'), ...args)

/** Ends by itself, not with 0, and says what to do in one line. */
async function refused(program: ReturnType<typeof samsa>): Promise<string> {
  assert.is(await program.exited, 1)
  assert.is(program.errors.length, 1, program.errors.join('\n'))
  assert.not.ok(program.lines.some((line) => line.startsWith('ready')))
  return program.errors[0]!
}

const bootstrapOf = (line: string) => /bootstrap\.servers=(\S+)/.exec(line)![1]!

async function ctrlC(program: ReturnType<typeof samsa>) {
  program.child.kill('SIGINT')
  assert.is(await program.exited, 0)
  assert.equal(program.errors, [])
}

test('a port that is in use', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const data = join(folder, 'data')
  const line = await refused(samsa('--brokers', '1', '--port', String(port), '--data', data))
  assert.match(line, `port ${port} is in use`)
  assert.match(line, 'choose another port')
  taken.close()
})

test('a folder that another process uses, and one that holds another cluster', async () => {
  const first = here('--brokers', '1')
  await first.line(/^ready/, 60_000)
  const used = await refused(here('--brokers', '1'))
  assert.match(used, `process ${first.child.pid}`)
  await ctrlC(first)
  const other = await refused(here('--brokers', '2'))
  assert.match(other, 'holds a cluster of 1 combined node, not 2 combined nodes')
  assert.match(other, 'choose another folder')
})

test('--data keeps everything: what was written before Ctrl-C is read after the next start', async () => {
  const written = ['one', 'two', 'three']
  const kafka = (line: string) =>
    new Kafka({ brokers: [bootstrapOf(line)], logLevel: logLevel.NOTHING })
  const before = here('--brokers', '1')
  const producer = kafka(await before.line(/^ready/, 60_000)).producer()
  await producer.connect()
  await producer.send({ topic: 'kept', messages: written.map((value) => ({ value })) })
  await producer.disconnect()
  await ctrlC(before)

  const after = here('--brokers', '1')
  const consumer = kafka(await after.line(/^ready/, 60_000)).consumer({ groupId: 'readers' })
  const read: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic: 'kept', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      read.push(String(message.value))
    },
  })
  await eventually(
    'all is read',
    async () => read.length,
    (count) => count >= written.length,
  )
  await consumer.disconnect()
  await ctrlC(after)
  assert.equal(read, written)
})

test('--ephemeral --json with a controller of its own: one object a line, and no folder is left', async () => {
  const program = samsa(
    ...['--brokers', '1', '--controllers', '1', '--port', '0', '--ephemeral', '--json'],
  )
  await program.line(/"event":"ready"/, 60_000)
  assert.is.not(readdirSync(folder).length, 0)
  await ctrlC(program)
  const events = program.lines.map((line) => JSON.parse(line))
  assert.equal(
    events.map(({ event }) => event),
    ['starting', 'ready', 'stopping', 'stopped'],
  )
  assert.match(events[0].nodes, '1 controller and 1 broker')
  assert.match(events[1]['bootstrap.servers'], /^127\.0\.0\.1:\d+$/)
  assert.equal(
    readdirSync(folder).filter((name) => name.startsWith('samsa')),
    [],
  )
})

test('--json tells a failure as an object, too', async () => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const program = samsa('--brokers', '1', '--port', String(port), '--ephemeral', '--json')
  assert.is(await program.exited, 1)
  const events = program.lines.map((line) => JSON.parse(line))
  assert.is(events.at(-1).event, 'error')
  assert.match(events.at(-1).message, `port ${port} is in use`)
  taken.close()
})

test.run()
