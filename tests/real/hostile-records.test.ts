/** Record batches that lie, answers nobody reads, and more of everything than is fair (W1-W5). */
import { connect, type Socket } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import * as assert from 'uvu/assert'
import { errorName } from '../../transport/protocol/errors.ts'
import { encodeAttributes, layout } from '../../transport/records/batch.ts'
import { compress } from '../../transport/records/compression.ts'
import { crc32c } from '../../transport/records/crc32c.ts'
import { encodeBatch } from '../../transport/records/records.ts'
import { Produce } from '../../transport/schemas/00-produce.ts'
import { Fetch } from '../../transport/schemas/01-fetch.ts'
import { ApiVersions } from '../../transport/schemas/18-api-versions.ts'
import { startEmbedded } from './support/clusters.ts'
import { eventually, residentBytes as resident, sleep } from './support/processes.ts'
import { dialRaw } from './support/raw.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('hostile records and readers')
const topic = 'target'
const mebibyte = 1024 * 1024
let cluster: Awaited<ReturnType<typeof startEmbedded>>
let address: string

test.before(async () => {
  cluster = await startEmbedded('--ephemeral', '--brokers', '1', '--config', 'max.connections=150')
  address = cluster.bootstrap
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  await admin.disconnect()
})
test.after(async () => {
  await cluster.program.stop()
})

const residentBytes = () => resident(cluster.program)

const batchOf = (value: Buffer) =>
  encodeBatch({
    baseOffset: 0,
    leaderEpoch: -1,
    records: [{ offset: 0, timestamp: Date.now(), key: null, value, headers: [] }],
  })

function resealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, layout.attributes, batch.length), layout.crc)
  return batch
}

const produceOf = (records: Buffer, acks = -1) => ({
  transactionalId: null,
  acks,
  timeoutMs: 5_000,
  topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
})

async function produce(records: Buffer, acks = -1): Promise<string> {
  const client = await dialRaw(address)
  const request = produceOf(records, acks) as Parameters<typeof client.send<typeof Produce>>[2]
  try {
    const { responses } = await client.send(Produce, 9, request)
    return errorName(responses[0]!.partitionResponses[0]!.errorCode)
  } finally {
    client.socket.destroy()
  }
}

const intact = () => batchOf(Buffer.from('intact'))

const told = () => cluster.program.errors.filter((line) => line.includes('corrupt records')).length

test('a batch with a wrong CRC is CORRUPT_MESSAGE, with one log line, and the next one is taken', async () => {
  const before = told()
  const batch = intact()
  batch[batch.length - 1]! ^= 1
  assert.is(await produce(batch), 'CORRUPT_MESSAGE')
  assert.is(await produce(intact()), 'NONE')
  assert.is(told() - before, 1)
})

test('a batch whose length is negative, huge or short is CORRUPT_MESSAGE', async () => {
  for (const length of [-1, -2_147_483_648, 0x7fffffff, 3]) {
    const before = told()
    const batch = intact()
    batch.writeInt32BE(length, layout.batchLength)
    const error = await produce(batch)
    assert.ok(['CORRUPT_MESSAGE', 'INVALID_RECORD'].includes(error), `${length}: ${error}`)
    await produce(intact())
    assert.is(told() - before, error === 'CORRUPT_MESSAGE' ? 1 : 0)
  }
  assert.is(await produce(intact()), 'NONE')
})

test('damaged records without an answer to come close their connection, with one log line', async () => {
  const lines = () =>
    cluster.program.errors.filter((line) => line.includes('acks=0: CORRUPT_MESSAGE')).length
  const before = lines()
  const batch = intact()
  batch[batch.length - 1]! ^= 1
  assert.match(await produce(batch, 0).catch(String), /closed/)
  await eventually(
    'it is told',
    async () => lines() - before,
    (count) => count === 1,
  )
  assert.is(await produce(intact()), 'NONE')
})

test('acks of 7 is INVALID_REQUIRED_ACKS', async () => {
  assert.is(await produce(intact(), 7), 'INVALID_REQUIRED_ACKS')
})

test('a bomb of 256 MiB in a small batch is stored or refused, but not unpacked', async () => {
  const before = residentBytes()
  for (const compression of ['gzip', 'zstd'] as const) {
    const packed = compress(compression, Buffer.alloc(256 * mebibyte))
    const bare = batchOf(Buffer.from('x'))
    const batch = Buffer.concat([bare.subarray(0, layout.records), packed])
    batch.writeInt16BE(
      encodeAttributes({
        compression,
        timestampType: 'CreateTime',
        isTransactional: false,
        isControl: false,
        hasDeleteHorizon: false,
      }),
      layout.attributes,
    )
    batch.writeInt32BE(batch.length - 12, layout.batchLength)
    await produce(resealed(batch))
  }
  assert.ok(residentBytes() - before < 150 * mebibyte, `${(residentBytes() - before) / mebibyte}`)
})

test('1,000 requests at once are answered in their order', async () => {
  const client = await dialRaw(address)
  const asked = { clientSoftwareName: 'raw', clientSoftwareVersion: '1' }
  const answers = Array.from({ length: 1_000 }, (_, i) =>
    i % 3 === 0
      ? client.send(Produce, 9, produceOf(intact()) as never)
      : client.send(ApiVersions, 3, asked as never),
  )
  await Promise.all(answers)
  assert.equal(
    client.order,
    Array.from({ length: 1_000 }, (_, i) => i),
  )
  client.socket.destroy()
})

test('counts of two thousand million elements in every api cost a connection each', async () => {
  const asker = await dialRaw(address)
  const { apiKeys } = await asker.send(ApiVersions, 3, {
    clientSoftwareName: 'raw',
    clientSoftwareVersion: '1',
  } as never)
  asker.socket.destroy()
  const before = residentBytes()
  const huge = [
    Buffer.from('7fffffff'.repeat(6), 'hex'),
    Buffer.from('ffffffff07'.repeat(6), 'hex'),
  ]
  for (const { apiKey, minVersion, maxVersion } of apiKeys) {
    for (const version of [minVersion, maxVersion]) {
      for (const body of huge) {
        for (const shift of [0, 1, 2, 4]) {
          const head = Buffer.from([0, apiKey, 0, version, 0, 0, 0, 9, 0xff, 0xff])
          const bytes = Buffer.concat([head, Buffer.alloc(shift), body])
          const length = Buffer.alloc(4)
          length.writeInt32BE(bytes.length)
          const socket = await dialed()
          socket.end(Buffer.concat([length, bytes]))
          await new Promise((resolve) => socket.on('close', resolve).resume())
        }
      }
    }
  }
  assert.ok(residentBytes() - before < 100 * mebibyte, `${(residentBytes() - before) / mebibyte}`)
  assert.is(await produce(intact()), 'NONE')
})

function dialed(): Promise<Socket> {
  const [host, port] = address.split(':')
  return new Promise((resolve) => {
    const socket = connect(Number(port), host)
    socket.on('error', () => {})
    socket.once('connect', () => resolve(socket))
  })
}

test('readers that ask for much and read nothing hold little', async () => {
  for (let i = 0; i < 40; i++) await produce(batchOf(Buffer.alloc(900_000, i)))
  const before = residentBytes()
  const readers = await Promise.all(Array.from({ length: 20 }, () => dialRaw(address)))
  const request = {
    clusterId: null,
    replicaId: -1,
    replicaState: { replicaId: -1, replicaEpoch: -1 },
    rackId: '',
    maxWaitMs: 100,
    minBytes: 1,
    maxBytes: 30 * mebibyte,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [
      {
        topic,
        topicId: 'AAAAAAAAAAAAAAAAAAAAAA',
        partitions: [
          {
            partition: 0,
            currentLeaderEpoch: -1,
            fetchOffset: 0,
            lastFetchedEpoch: -1,
            logStartOffset: -1,
            partitionMaxBytes: 30 * mebibyte,
            replicaDirectoryId: 'AAAAAAAAAAAAAAAAAAAAAA',
            highWatermark: Number.MAX_SAFE_INTEGER,
          },
        ],
      },
    ],
    forgottenTopicsData: [],
  }
  const { responses } = await readers[0]!.send(Fetch, 4, request as never)
  assert.ok(responses[0]!.partitions[0]!.records!.length > 25 * mebibyte)
  for (const { socket, send } of readers) {
    socket.pause()
    for (let i = 0; i < 10; i++) {
      send(Fetch, 4, request as never).catch(() => {})
    }
  }
  await sleep(3_000)
  const grown = residentBytes() - before
  // 200 answers of 30 MiB were asked for; one at a time may wait for each reader.
  assert.ok(grown < 20 * 35 * mebibyte, `${grown / mebibyte} MiB`)
  assert.is(await produce(intact()), 'NONE')
  for (const { socket } of readers) socket.destroy()
})

test('a flood of connections stops at max.connections, and who is served stays so', async () => {
  const served = await dialRaw(address)
  const flood = await Promise.all(Array.from({ length: 600 }, dialed))
  const request = produceOf(intact()) as never
  const { responses } = await served.send(Produce, 9, request)
  assert.is(errorName(responses[0]!.partitionResponses[0]!.errorCode), 'NONE')
  for (const socket of flood) socket.destroy()
  await eventually(
    'room again',
    () => produce(intact()),
    (told) => told === 'NONE',
  )
  served.socket.destroy()
})

test('nothing of it was an error of the server', () => {
  const errors = cluster.program.errors.filter((line) => /"level":[56]0/.test(line))
  assert.equal(errors, [])
})

test.run()
