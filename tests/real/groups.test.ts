/** Consumer groups of clients that nobody here wrote: librdkafka's rebalances, kcat, @platformatic/kafka. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { node24, peersFolder, skipUnless } from '../support/peers.ts'
import { startEmbedded } from './support/clusters.ts'
import { kcatWrite, python } from './support/kafka-tools.ts'
import { eventually, type Program, run, start } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('consumer groups of other clients')
let cluster: Awaited<ReturnType<typeof startEmbedded>>
test.before(async () => {
  cluster = await startEmbedded('--ephemeral')
})
test.after(() => cluster.stop())

const lines = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `${from + i}`)

async function createTopic(topic: string) {
  const brokers = cluster.bootstrap.split(',')
  const admin = new Kafka({ brokers, logLevel: logLevel.ERROR }).admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic, numPartitions: 6, replicationFactor: 3 }],
    waitForLeaders: true,
  })
  await admin.disconnect()
}

const readBy = (members: Program[]): Set<string> =>
  new Set(
    members.flatMap((member) =>
      member.lines.filter((line) => line.startsWith('read')).map((line) => line.split(' ')[3]!),
    ),
  )

const ownedBy = ({ lines: told }: Program): string[] =>
  told
    .findLast((line) => line.startsWith('owns'))
    ?.split(' ')[1]
    ?.split(',') ?? []

if (skipUnless('kcat', 'python-librdkafka')) {
  test('two members of librdkafka share, and when one leaves the other has all', async () => {
    await createTopic('shared')
    await kcatWrite(cluster.bootstrap, 'shared', lines(5_000))
    const member = () => python('group_member.py', [cluster.bootstrap, 'sharers', 'shared'])
    const [one, two] = [member(), member()]
    await eventually(
      'three partitions each',
      async () => [ownedBy(one).length, ownedBy(two).length],
      ([first, second]) => first === 3 && second === 3,
    )
    await two.stop()
    await eventually(
      'all partitions',
      async () => ownedBy(one).length,
      (count) => count === 6,
    )
    await kcatWrite(cluster.bootstrap, 'shared', lines(1_000, 5_000))
    await eventually(
      'all lines',
      async () => readBy([one, two]).size,
      (size) => size === 6_000,
    )
    await one.stop()
    assert.ok(one.lines.includes('left') && two.lines.includes('left'))
  })

  test('who asks for transactions is refused with an error that says so', async () => {
    const asker = python('transactional.py', [cluster.bootstrap])
    await asker.exited
    assert.match(asker.lines.join('\n'), /^refused /)
  })
}

if (skipUnless('kcat')) {
  test('a kcat group goes on where it left off', async () => {
    await createTopic('balanced')
    const read = (count: number) =>
      run('kcat', [
        ...['-b', cluster.bootstrap, '-G', 'kcats', '-c', String(count), '-q'],
        ...['-X', 'auto.offset.reset=earliest', 'balanced'],
      ])
    await kcatWrite(cluster.bootstrap, 'balanced', lines(2_000))
    const first = await read(2_000)
    await kcatWrite(cluster.bootstrap, 'balanced', lines(500, 2_000))
    const second = await read(500)
    assert.equal(new Set([...first, ...second]).size, 2_500)
  })
}

if (skipUnless('node24', 'platformatic-kafka', 'kcat')) {
  test('a group of @platformatic/kafka reads 100,000 lines', async () => {
    await createTopic('platformatic')
    await kcatWrite(cluster.bootstrap, 'platformatic', lines(100_000))
    const script = join(peersFolder, 'group-reader.mjs')
    writeFileSync(
      script,
      `import { Consumer, stringDeserializers } from '@platformatic/kafka'
       const [bootstrap, topic, count] = process.argv.slice(2)
       const consumer = new Consumer({
         groupId: 'platformatic-readers', clientId: 'reader', bootstrapBrokers: bootstrap.split(','),
         deserializers: stringDeserializers,
       })
       const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: true })
       const read = new Set()
       for await (const { value } of stream) {
         read.add(value)
         if (read.size === Number(count)) break
       }
       await consumer.close(true)
       console.log('read', read.size)
      `,
    )
    const reader = start(node24, [script, cluster.bootstrap, 'platformatic', '100000'])
    await reader.line(/^read 100000$/, 60_000)
    await reader.exited
  })
}

test.run()
