/**
 * What somebody's test does first: starts three brokers, makes a topic and produces a record. Plain
 * JavaScript on uvu and KafkaJS, with nothing of this repository but what BENCH names:
 * `{ entry, config }` of the built package, or `{ prepare, servers, bootstrap }`, commands to run.
 */
import { execFile, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { Kafka, logLevel } from 'kafkajs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const { entry, config, prepare, servers, bootstrap } = JSON.parse(process.env.BENCH)

async function embedded() {
  const { startCluster } = await import(pathToFileURL(entry).href)
  const cluster = await startCluster({ brokers: 3, config })
  return { bootstrapServers: cluster.bootstrapServers, close: () => cluster.close() }
}

async function commands() {
  await Promise.all(prepare.map(([command, ...args]) => promisify(execFile)(command, args)))
  const running = servers.map(([command, ...args]) => spawn(command, args, { stdio: 'ignore' }))
  process.on('exit', () => {
    for (const child of running) child.kill('SIGKILL')
  })
  return {
    bootstrapServers: bootstrap,
    async close() {
      for (const child of running) child.kill('SIGKILL')
    },
  }
}

/** Until all brokers are there, as a test that needs them would. */
async function createTopic(admin) {
  for (;;) {
    try {
      const topics = [{ topic: 'first', numPartitions: 1, replicationFactor: 3 }]
      await admin.createTopics({ topics, waitForLeaders: true })
      return
    } catch {
      await sleep(20)
    }
  }
}

test('a record is produced', async () => {
  const cluster = await (entry === undefined ? commands() : embedded())
  const brokers = cluster.bootstrapServers.split(',')
  const retry = { initialRetryTime: 20, maxRetryTime: 100, retries: 1_000 }
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry })
  const admin = kafka.admin()
  await admin.connect()
  await createTopic(admin)
  const producer = kafka.producer()
  await producer.connect()
  const [written] = await producer.send({ topic: 'first', acks: -1, messages: [{ value: 'x' }] })
  assert.is(written.baseOffset, '0')
  console.log('produced')
  await Promise.all([producer.disconnect(), admin.disconnect()])
  await cluster.close()
})

test.run()
