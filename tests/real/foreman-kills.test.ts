/**
 * The Procfile's cluster while its nodes are killed with -9, one after the other, and foreman's
 * runner starts each again: what clients wrote meanwhile is read back, line by line.
 *
 * TRANSFERS=kafkajs,console/platformatic names other writers, or a writer and who reads.
 */
import { rmSync } from 'node:fs'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { inSync } from './support/cluster-state.ts'
import { kcatRead } from './support/kafka-tools.ts'
import { eventually, last, type Program, sleep } from './support/processes.ts'
import { copyShape, foremen, killed, type ProcfileCopy } from './support/procfiles.ts'
import { realSuite } from './support/real-suite.ts'
import { groups, type Topic, type Writer, writers } from './support/transfers.ts'

const test = realSuite('Procfile, kill -9 during the transfer')
let copy: ProcfileCopy
let foreman: Program

const lines = Array.from({ length: 100_000 }, (_, i) => `${i} ${'x'.repeat(i % 90)}`)
const sliceOf = 500

/** Writes at a steady pace; the last lines only once the kills are over. */
async function feed(writer: Writer, killing: () => boolean) {
  for (let from = 0; from < lines.length; from += sliceOf) {
    const isLast = from + sliceOf >= lines.length
    while (isLast && killing()) await sleep(50)
    await writer.write(lines.slice(from, from + sliceOf))
    await sleep(killing() ? 100 : 0)
  }
  await writer.finish()
}

async function killEachInTurn(topic: string) {
  for (const id of copy.nodes) {
    await sleep(1_000)
    await killed(foreman, id)
    await inSync(copy.bootstrap, topic, 3)
  }
}

async function created(name: string): Promise<Topic> {
  const partitions = 6
  const kafka = new Kafka({
    brokers: copy.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { retries: 100, initialRetryTime: 50, maxRetryTime: 500 },
  })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic: name, numPartitions: partitions, replicationFactor: 3 }],
    waitForLeaders: true,
  })
  await admin.disconnect()
  await inSync(copy.bootstrap, name, 3)
  return { bootstrap: copy.bootstrap, kafka, name, partitions }
}

/** All lines, each once, and in each partition in the order they were written. */
async function assertReadBack({ bootstrap, name }: Topic) {
  const read = await kcatRead(bootstrap, name, '%p %s\\n')
  const latest = new Map<string, number>()
  for (const line of read) {
    const [partition, at] = line.split(' ')
    const number = Number(at)
    assert.ok(number > (latest.get(partition!) ?? -1), `partition ${partition}: ${at} in its order`)
    latest.set(partition!, number)
  }
  const values = read.map((line) => line.slice(line.indexOf(' ') + 1))
  assert.equal(values.sort(), [...lines].sort())
}

const transfers = (process.env['TRANSFERS'] ?? 'kcat/kafkajs').split(',').map((names) => {
  const [writer, group = writer] = names.split('/')
  return { writer: writer!, group: group! }
})

if (skipUnless('foreman', 'nats-server', 'kcat')) {
  test.before(async () => {
    copy = await copyShape('three-combined', 'Procfile')
    foreman = last(foremen.foreman(copy.folder))
    for (const id of copy.nodes) await foreman.line(new RegExp(`ready {2}node=${id}\\b`), 60_000)
  })
  test.after(async () => {
    await foreman.stop()
    rmSync(copy.folder, { recursive: true, force: true, maxRetries: 50 })
  })

  for (const { writer: writes, group: reads } of transfers) {
    test(`${writes} writes 100,000 lines, a group of ${reads} reads them`, async () => {
      const topic = await created(`${writes}-${reads}`)
      const group = await groups[reads]!(topic, `${reads}-readers`)
      const writer = await writers[writes]!(topic)
      const startedAt = performance.now()
      let killing = true
      const kills = killEachInTurn(topic.name).finally(() => {
        killing = false
      })
      await Promise.all([kills, feed(writer, () => killing)])
      const seconds = Math.round((performance.now() - startedAt) / 1_000)
      await assertReadBack(topic)
      const read = () => new Set(group.read())
      await eventually(
        'the group has read all lines',
        async () => read().size,
        (size) => size >= lines.length,
        60_000,
      )
      await group.leave()
      console.log(`written in ${seconds} s; handed out ${group.read().length} times`)
      assert.equal([...read()].sort(), [...lines].sort())
    })
  }
}

test.run()
