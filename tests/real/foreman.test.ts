/**
 * The Procfiles as a user starts them, in a folder of their own and on ports that are free: every
 * shape of cluster formats itself, serves a client, and ends with Ctrl-C.
 */
import { rmSync } from 'node:fs'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { eventually, type Program } from './support/processes.ts'
import { copyShape, foremen, killed, type ProcfileCopy } from './support/procfiles.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('Procfiles')

let folder = ''
let foreman: Program | undefined
test.after.each(async () => {
  await foreman?.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 50 })
})

async function roundTrip({ bootstrap, replicas }: ProcfileCopy) {
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
    folder = copy.folder
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
