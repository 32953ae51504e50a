/** The main job, as a new user meets it: `samsa start`, and clients that nobody here wrote. */
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { startEmbedded } from './support/clusters.ts'
import { java, kcatRead, kcatWrite, topics } from './support/kafka-tools.ts'
import { eventually } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('samsa start, three nodes')
let cluster: Awaited<ReturnType<typeof startEmbedded>>
test.before(async () => {
  cluster = await startEmbedded('--ephemeral')
})
test.after(async () => {
  await cluster.stop()
})

const lines = (count: number) =>
  Array.from({ length: count }, (_, i) => `${i} ${'x'.repeat(i % 90)}`)

async function createTopic(topic: string, numPartitions = 6, replicationFactor = 3) {
  const admin = new Kafka({
    brokers: cluster.bootstrap.split(','),
    logLevel: logLevel.ERROR,
  }).admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic, numPartitions, replicationFactor }],
    waitForLeaders: true,
  })
  await admin.disconnect()
}

if (skipUnless('kcat')) {
  test('kcat reads back the 100,000 lines that it wrote', async () => {
    await createTopic('kcat')
    const written = lines(100_000)
    await kcatWrite(cluster.bootstrap, 'kcat', written)
    const read = await kcatRead(cluster.bootstrap, 'kcat')
    assert.equal(read.sort(), written.sort())
  })

  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    test(`kcat reads back what it wrote with ${codec}`, async () => {
      await createTopic(`kcat-${codec}`, 1)
      const written = lines(5_000)
      await kcatWrite(cluster.bootstrap, `kcat-${codec}`, written, ['-z', codec])
      assert.equal(await kcatRead(cluster.bootstrap, `kcat-${codec}`), written)
    })
  }
}

test('a KafkaJS group of two shares 100,000 lines', async () => {
  await createTopic('kafkajs')
  const kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.ERROR })
  const written = lines(100_000)
  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  for (let from = 0; from < written.length; from += 2_000) {
    const messages = written.slice(from, from + 2_000).map((value) => ({ value }))
    await producer.send({ topic: 'kafkajs', messages })
  }
  await producer.disconnect()

  const read: string[] = []
  const consumers = [1, 2].map(() => kafka.consumer({ groupId: 'kafkajs-readers' }))
  for (const consumer of consumers) {
    await consumer.connect()
    await consumer.subscribe({ topic: 'kafkajs', fromBeginning: true })
    await consumer.run({
      eachBatch: async ({ batch, resolveOffset }) => {
        for (const { offset, value } of batch.messages) {
          read.push(value!.toString())
          resolveOffset(offset)
        }
      },
    })
  }
  const unique = () => new Set(read)
  await eventually(
    'all lines',
    async () => unique().size,
    (size) => size === written.length,
    60_000,
  )
  for (const consumer of consumers) await consumer.disconnect()
  assert.equal([...unique()].sort(), written.sort())
})

if (skipUnless('java', 'kafka-jars')) {
  test('Kafka’s console producer and consumer pass 100,000 lines', async () => {
    await createTopic('console')
    const written = lines(100_000)
    await java(
      'org.apache.kafka.tools.ConsoleProducer',
      ['--bootstrap-server', cluster.bootstrap, '--topic', 'console'],
      { input: `${written.join('\n')}\n` },
    )
    const read = await java('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      '--bootstrap-server',
      cluster.bootstrap,
      '--topic',
      'console',
      '--from-beginning',
      '--group',
      'console-readers',
      '--max-messages',
      String(written.length),
      '--timeout-ms',
      '60000',
    ])
    assert.equal(read.sort(), written.sort())
  })

  test('Kafka’s tools describe topics, groups, quorum, configurations and offsets', async () => {
    const described = await topics(cluster.bootstrap, '--describe', '--topic', 'console')
    const partitions = described.filter((line) => /Partition: \d/.test(line))
    assert.is(partitions.length, 6)
    for (const line of partitions) {
      assert.match(line, /Leader: [123]\b/)
      assert.match(line, /Isr: ([123]),([123]),([123])/)
    }
    const group = await java('org.apache.kafka.tools.consumer.group.ConsumerGroupCommand', [
      '--bootstrap-server',
      cluster.bootstrap,
      '--describe',
      '--group',
      'console-readers',
    ])
    assert.is(group.filter((line) => /console-readers\s+console\s+\d/.test(line)).length, 6)
    const quorum = await java('org.apache.kafka.tools.MetadataQuorumCommand', [
      '--bootstrap-server',
      cluster.bootstrap,
      'describe',
      '--status',
    ])
    assert.ok(
      quorum.some((line) => /LeaderId:\s+[123]/.test(line)),
      quorum.join('\n'),
    )
    const configs = await java('kafka.admin.ConfigCommand', [
      '--bootstrap-server',
      cluster.bootstrap,
      '--alter',
      '--entity-type',
      'topics',
      '--entity-name',
      'console',
      '--add-config',
      'retention.ms=86400000',
    ])
    assert.ok(
      configs.some((line) => line.includes('Completed updating config')),
      configs.join('\n'),
    )
    const offsets = await java('org.apache.kafka.tools.GetOffsetShell', [
      '--bootstrap-server',
      cluster.bootstrap,
      '--topic',
      'console',
    ])
    const total = offsets.reduce((sum, line) => sum + Number(line.split(':')[2] ?? 0), 0)
    assert.is(total, 100_000)
  })

  test('ProducerPerformance and ConsumerPerformance run without an error', async () => {
    await createTopic('performance')
    for (const [records, size] of [
      [1_000_000, 100],
      [200_000, 1_024],
    ]) {
      const told = await java('org.apache.kafka.tools.ProducerPerformance', [
        '--topic',
        'performance',
        '--num-records',
        String(records),
        '--record-size',
        String(size),
        '--throughput',
        '-1',
        '--producer-props',
        `bootstrap.servers=${cluster.bootstrap}`,
        'acks=all',
      ])
      assert.match(told.at(-1)!, new RegExp(`^${records} records sent`))
    }
    const consumed = await java('org.apache.kafka.tools.ConsumerPerformance', [
      '--bootstrap-server',
      cluster.bootstrap,
      '--topic',
      'performance',
      '--num-records',
      '1200000',
      '--timeout',
      '60000',
    ])
    const columns = consumed
      .at(-1)!
      .split(',')
      .map((text) => text.trim())
    assert.ok(Number(columns[4]) >= 1_200_000, consumed.join('\n'))
  })
}

test.run()
