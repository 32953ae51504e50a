/**
 * The Procfiles as a user starts them, in a folder of their own and on ports that are free: every
 * shape of cluster formats itself, serves a client, and ends with Ctrl-C.
 */
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { parseProperties } from '../../runtime/config/properties.ts'
import { skipUnless } from '../support/peers.ts'
import { freePorts } from '../support/ports.ts'
import { eventually, type Program, root, start } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('Procfiles')

let folder = ''
let foreman: Program | undefined
test.after.each(async () => {
  await foreman?.stop()
  rmSync(folder, { recursive: true, force: true })
})

type Copy = { bootstrap: string; nodes: number[]; replicas: number }

/** Copies Procfile and property files, each fixed port replaced by a free one. */
async function copyShape(shape: string, procfile: string): Promise<Copy> {
  folder = mkdtempSync(join(tmpdir(), 'samsa-foreman-'))
  for (const name of ['node_modules', 'machines', 'actors', 'transport', 'runtime']) {
    symlinkSync(join(root, name), join(folder, name))
  }
  cpSync(join(root, 'package.json'), join(folder, 'package.json'))
  cpSync(join(root, 'examples'), join(folder, 'examples'), { recursive: true })
  const examples = join(folder, 'examples', shape)
  const files = readdirSync(examples).filter((name) => name.endsWith('.properties'))
  const texts = new Map(files.map((name) => [name, readFileSync(join(examples, name), 'utf8')]))
  const runner = readFileSync(join(root, 'examples/run'), 'utf8')
  const written = new Set([runner, ...texts.values()].join('\n').match(/\b(4222|1?90\d\d)\b/g))
  const free = await freePorts(written.size)
  const ports = new Map([...written].map((port, index) => [port, `${free[index]}`]))
  const moved = (text: string) => text.replace(/\b(4222|1?90\d\d)\b/g, (port) => ports.get(port)!)
  for (const [name, text] of texts) writeFileSync(join(examples, name), moved(text))
  writeFileSync(join(folder, 'examples/run'), moved(runner))
  cpSync(join(root, procfile), join(folder, 'Procfile'))
  const nodes = [...texts.values()].map((text) => parseProperties(moved(text)))
  const brokers = nodes.filter((node) => node.get('process.roles')!.includes('broker'))
  return {
    bootstrap: brokers
      .map((node) => /PLAINTEXT:\/\/([^,]+)/.exec(node.get('listeners')!)![1])
      .join(','),
    nodes: nodes.map((node) => Number(node.get('node.id'))),
    replicas: Math.min(3, brokers.length),
  }
}

async function roundTrip({ bootstrap, replicas }: Copy) {
  const kafka = new Kafka({ brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  await eventually(
    'every broker is registered',
    () => admin.describeCluster(),
    ({ brokers }) => brokers.length === bootstrap.split(',').length,
  )
  await admin.createTopics({
    topics: [{ topic: 'greetings', numPartitions: 3, replicationFactor: replicas }],
    waitForLeaders: true,
  })
  await admin.disconnect()
  const written = Array.from({ length: 100 }, (_, index) => `hello ${index}`)
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: 'greetings', messages: written.map((value) => ({ value })) })
  await producer.disconnect()
  const read = new Set<string>()
  const consumer = kafka.consumer({ groupId: 'readers' })
  await consumer.connect()
  await consumer.subscribe({ topic: 'greetings', fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      read.add(message.value!.toString())
    },
  })
  await eventually(
    'all greetings are read',
    async () => read.size,
    (size) => size === written.length,
  )
  await consumer.disconnect()
}

/** kill -9 of a node: it comes back, and the others stay. */
async function killed(program: Program, id: number) {
  const ready = new RegExp(`ready {2}node=${id} pid=(\\d+)`)
  const pidOf = (line: string) => Number(ready.exec(line)![1])
  const before = pidOf(await program.line(ready))
  process.kill(before, 'SIGKILL')
  await eventually(
    `node ${id} is ready again`,
    async () => program.lines.filter((line) => ready.test(line)).map(pidOf),
    (pids) => pids.some((pid) => pid !== before),
  )
}

const foremen = {
  foreman: (cwd: string) => start('foreman', ['start'], { cwd }),
  'npx nf': (cwd: string) => start(join(root, 'node_modules/.bin/nf'), ['start'], { cwd }),
}

const shapes: [shape: string, procfile: string, by: keyof typeof foremen][] = [
  ['three-combined', 'Procfile', 'foreman'],
  ['three-combined', 'Procfile', 'npx nf'],
  ['three-combined-one-broker', 'examples/three-combined-one-broker/Procfile', 'npx nf'],
  ['dedicated', 'examples/dedicated/Procfile', 'foreman'],
  ['single', 'examples/single/Procfile', 'npx nf'],
]

for (const [shape, procfile, by] of shapes) {
  if (!skipUnless('nats-server', ...(by === 'foreman' ? (['foreman'] as const) : []))) continue
  test(`${by} start: ${shape}`, async () => {
    const copy = await copyShape(shape, procfile)
    const program = foremen[by](folder)
    foreman = program
    await Promise.all(
      copy.nodes.map((id) => program.line(new RegExp(`ready {2}node=${id}\\b`), 60_000)),
    )
    await roundTrip(copy)
    await killed(program, copy.nodes[0]!)
    program.child.kill('SIGINT')
    await program.exited
    const stopped = program.lines.filter((line) => line.includes('stopping node'))
    assert.is(stopped.length, copy.nodes.length, 'every node stops cleanly')
  })
}

test.run()
