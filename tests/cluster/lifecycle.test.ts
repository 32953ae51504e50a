/** Clusters as a test starts them: whole, small, several, kept, gone, and refused in one line. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { failureLine } from '../../runtime/cli/failure.ts'
import { startCluster } from '../../runtime/index.ts'
import { root } from '../real/support/processes.ts'
import { freePorts } from '../support/ports.ts'
import { createTopic, describe, kafkaOf, readAll, withAdmin } from './support/clients.ts'

const test = suite('an embedded cluster')
const scratch = mkdtempSync(join(tmpdir(), 'samsa-test-'))
test.after(() => rmSync(scratch, { recursive: true, force: true }))

async function write(bootstrap: string, topic: string, values: string[]) {
  const producer = kafkaOf(bootstrap).producer()
  await producer.connect()
  await producer.send({ topic, acks: -1, messages: values.map((value) => ({ value })) })
  await producer.disconnect()
}

async function refusal(work: () => Promise<unknown>): Promise<string> {
  try {
    await work()
  } catch (why) {
    const line = failureLine(why)
    assert.ok(line, `no line for the user: ${why instanceof Error ? why.stack : why}`)
    assert.not.match(line!, '\n')
    return line!
  }
  throw new Error('it started')
}

const temporaryFolders = () => readdirSync(tmpdir()).filter((name) => /^samsa-\w{6}$/.test(name))

function listenOn(port: number): Promise<Server> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.on('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

test('three brokers, on ports that the system chose', async () => {
  await using cluster = await startCluster()
  const addresses = cluster.bootstrapServers.split(',')
  assert.is(new Set(addresses).size, 3)
  for (const address of addresses) {
    const { brokers } = await withAdmin(address, (admin) => admin.describeCluster())
    const shown = brokers.map(({ host, port }) => `${host}:${port}`)
    assert.equal(shown.sort(), addresses.sort())
  }
  assert.throws(() => cluster.node(4), 'there is no node 4')
})

test('one broker alone takes what Kafka’s defaults would refuse it', async () => {
  await using cluster = await startCluster({ brokers: 1 })
  await createTopic(cluster.bootstrapServers, { topic: 'alone' })
  await write(cluster.bootstrapServers, 'alone', ['a', 'b'])
  assert.equal(await readAll(cluster.bootstrapServers, 'alone', ['a', 'b']), ['a', 'b'])
})

test('dedicated controllers serve no clients, and brokers outlive one of them', async () => {
  await using cluster = await startCluster({ brokers: 2, controllers: 3 })
  const { bootstrapServers } = cluster
  assert.is(bootstrapServers.split(',').length, 2)
  assert.equal(
    cluster.nodes.map(({ id }) => id),
    [1, 2, 3, 4, 5],
  )
  cluster.node(3).kill()
  await createTopic(bootstrapServers, { topic: 'served', replicationFactor: 2 })
  const [row] = await describe(bootstrapServers, 'served')
  assert.equal(row!.isr, [1, 2])
})

test('clusters side by side know nothing of each other', async () => {
  await using one = await startCluster({ brokers: 1 })
  await using two = await startCluster({ brokers: 1 })
  assert.is.not(one.clusterId, two.clusterId)
  await createTopic(one.bootstrapServers, { topic: 'mine' })
  const names = (bootstrap: string) => withAdmin(bootstrap, (admin) => admin.listTopics())
  assert.ok((await names(one.bootstrapServers)).includes('mine'))
  assert.not((await names(two.bootstrapServers)).includes('mine'))
  await one.close()
  await createTopic(two.bootstrapServers, { topic: 'still-here' })
})

test('options override the defaults by Kafka’s names', async () => {
  await using cluster = await startCluster({
    brokers: 2,
    config: { 'num.partitions': 5, 'default.replication.factor': 1, 'log.retention.hours': 7 },
  })
  const { bootstrapServers } = cluster
  await createTopic(bootstrapServers, {
    topic: 'as-configured',
    numPartitions: -1,
    replicationFactor: -1,
  })
  const rows = await describe(bootstrapServers, 'as-configured')
  assert.is(rows.length, 5)
  assert.ok(rows.every(({ isr }) => isr.length === 1))
  const { resources } = await withAdmin(bootstrapServers, (admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: 'as-configured', configNames: ['retention.ms'] }],
    }),
  )
  assert.is(resources[0]!.configEntries[0]!.configValue, String(7 * 3_600_000))
})

test('a configuration that is none is refused in a line', async () => {
  const before = temporaryFolders()
  const line = await refusal(() => startCluster({ config: { 'num.partitions': 'many' } }))
  assert.match(line, 'num.partitions')
  assert.match(await refusal(() => startCluster({ brokers: 0 })), 'choose 1 to 100')
  assert.equal(temporaryFolders(), before)
})

test('a data folder keeps topics, records and the offsets of groups', async () => {
  const dataDir = join(scratch, 'kept')
  const values = Array.from({ length: 500 }, (_, i) => `value ${i}`)
  const groupId = 'bookmark'
  const first = await startCluster({ dataDir })
  await createTopic(first.bootstrapServers, {
    topic: 'kept',
    numPartitions: 3,
    replicationFactor: 3,
  })
  await write(first.bootstrapServers, 'kept', values)
  const setOffset = { groupId, topic: 'kept', partitions: [{ partition: 1, offset: '42' }] }
  await withAdmin(first.bootstrapServers, (admin) => admin.setOffsets(setOffset))
  await first.close()
  assert.ok(existsSync(dataDir))

  await using second = await startCluster({ dataDir })
  assert.is(second.clusterId, first.clusterId)
  const read = await readAll(second.bootstrapServers, 'kept', values)
  assert.equal(read.sort(), values.sort())
  const offsets = await withAdmin(second.bootstrapServers, (admin) =>
    admin.fetchOffsets({ groupId, topics: ['kept'] }),
  )
  assert.is(offsets[0]!.partitions.find(({ partition }) => partition === 1)!.offset, '42')
})

test('a folder in use, of another layout or of another cluster is refused and stays usable', async () => {
  const dataDir = join(scratch, 'taken')
  const cluster = await startCluster({ dataDir, brokers: 2 })
  assert.match(await refusal(() => startCluster({ dataDir, brokers: 2 })), /in use|uses/)
  assert.ok(cluster.nodes.every((node) => node.isRunning()))
  await createTopic(cluster.bootstrapServers, { topic: 'undisturbed', replicationFactor: 2 })
  await cluster.close()
  assert.match(
    await refusal(() => startCluster({ dataDir, brokers: 3 })),
    'cluster of 2 combined nodes',
  )
  assert.match(
    await refusal(() => startCluster({ dataDir, brokers: 1 })),
    'cluster of 2 combined nodes',
  )
  assert.match(
    await refusal(() => startCluster({ dataDir, brokers: 1, controllers: 1 })),
    'cluster of 2 combined nodes',
  )

  const mixed = join(scratch, 'mixed')
  const other = await startCluster({ dataDir: mixed, brokers: 2 })
  await other.close()
  rmSync(join(mixed, 'node-2'), { recursive: true })
  spawnSync('cp', ['-r', join(dataDir, 'node-2'), join(mixed, 'node-2')])
  assert.match(await refusal(() => startCluster({ dataDir: mixed, brokers: 2 })), 'cluster')

  await using again = await startCluster({ dataDir, brokers: 2 })
  const names = await withAdmin(again.bootstrapServers, (admin) => admin.listTopics())
  assert.ok(names.includes('undisturbed'))
})

test('a file where the folder should be is refused in a line', async () => {
  const dataDir = join(scratch, 'a-file')
  writeFileSync(dataDir, '')
  assert.match(await refusal(() => startCluster({ dataDir })), 'a-file')
})

test('a port in use is named, and nothing of the attempt remains', async () => {
  const before = temporaryFolders()
  const port = 1 + (await freePorts(1))[0]!
  const taken = await listenOn(port)
  const line = await refusal(() => startCluster({ brokers: 3, ports: port - 1 }))
  assert.match(line, `port ${port} is in use`)
  assert.equal(temporaryFolders(), before)
  // The first broker's port was bound by then.
  const free = await listenOn(port - 1)
  for (const server of [taken, free]) server.close()

  const dataDir = join(scratch, 'second-try')
  mkdirSync(dataDir)
  const inTheWay = await listenOn(port)
  await refusal(() => startCluster({ dataDir, brokers: 3, ports: port - 1 }))
  inTheWay.close()
  await using cluster = await startCluster({ dataDir, brokers: 3, ports: port - 1 })
  assert.match(cluster.bootstrapServers, `127.0.0.1:${port}`)
})

test('a node that is stopped twice, killed twice or started twice is what it was', async () => {
  await using cluster = await startCluster({ brokers: 3 })
  const node = cluster.node(3)
  await node.stop()
  await node.stop()
  node.kill()
  assert.not(node.isRunning())
  await node.start()
  let why = ''
  await node.start().catch((error: Error) => {
    why = error.message
  })
  assert.match(why, 'node 3 runs already')
  node.kill()
  node.kill()
  await node.start()
})

test('close removes the temporary folder, and leaves nothing that holds the process', () => {
  const script = `
    import { readdirSync } from 'node:fs'
    import { startCluster } from ${JSON.stringify(join(root, 'runtime/index.ts'))}
    const cluster = await startCluster({ brokers: 3 })
    cluster.node(2).kill()
    await cluster.node(2).start()
    cluster.node(1).kill()
    await cluster.close()
    await cluster.close()
    process.on('exit', () => console.log('left', process.getActiveResourcesInfo().join()))
    console.log('folders', readdirSync(process.env.TMPDIR).filter((name) => name.startsWith('samsa-')).join())
  `
  const TMPDIR = mkdtempSync(join(scratch, 'tmp-'))
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx/esm', '--input-type=module', '-e', script],
    { cwd: root, encoding: 'utf8', timeout: 30_000, env: { ...process.env, TMPDIR } },
  )
  assert.is(status, 0, `${stdout}\n${stderr}`)
  assert.match(stdout, /^left (PipeWrap,?)*$/m)
  assert.match(stdout, /^folders $/m)
})

test.run()
