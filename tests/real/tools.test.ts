/**
 * Kafka's own administration tools against three node processes, by their broker and their
 * controller listeners; then its dump tool on the files that those left.
 */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { combined, type ProcessCluster, startProcesses } from './support/clusters.ts'
import { java, kcatWrite, topics } from './support/kafka-tools.ts'
import { eventually } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('Kafka’s tools')
let cluster: ProcessCluster

const tools = 'org.apache.kafka.tools'
const tool = (type: string, ...args: string[]) =>
  java(`${tools}.${type}`, ['--bootstrap-server', cluster.bootstrap, ...args])
const atControllers = (type: string, ...args: string[]) =>
  java(`${tools}.${type}`, ['--bootstrap-controller', cluster.controllers, ...args])
const configs = (...args: string[]) =>
  java('kafka.admin.ConfigCommand', ['--bootstrap-server', cluster.bootstrap, ...args])
const groups = (...args: string[]) => tool('consumer.group.ConsumerGroupCommand', ...args)

function says(lines: string[], pattern: RegExp): void {
  assert.ok(
    lines.some((line) => pattern.test(line)),
    `${pattern} is not in:\n${lines.join('\n')}`,
  )
}

/** What a tool is refused with. */
async function refused(work: Promise<string[]>): Promise<string> {
  try {
    return (await work).join('\n')
  } catch (why) {
    return (why as Error).message
  }
}

function jsonFile(name: string, content: unknown): string {
  const path = join(cluster.folder, name)
  writeFileSync(path, JSON.stringify(content))
  return path
}

test.before(async () => {
  if (!skipUnless('java', 'kafka-jars', 'nats-server', 'kcat')) return
  cluster = await startProcesses(combined(3), {
    'metadata.log.max.record.bytes.between.snapshots': '2000',
  })
  for (const node of cluster.nodes) await node.program!.line(/^ready/)
})
test.after(() => cluster?.close())

if (skipUnless('java', 'kafka-jars', 'nats-server', 'kcat')) {
  test('topics are created, altered, listed, described and deleted', async () => {
    const create = ['--create', '--partitions', '2', '--replication-factor', '3']
    says(await topics(cluster.bootstrap, ...create, '--topic', 'tools'), /Created topic tools/)
    const twice = await refused(topics(cluster.bootstrap, ...create, '--topic', 'tools'))
    assert.match(twice, /'tools' .*exists/)
    await topics(cluster.bootstrap, '--alter', '--topic', 'tools', '--partitions', '3')
    await topics(cluster.bootstrap, ...create, '--topic', 'gone', '--config', 'retention.ms=1000')
    await topics(cluster.bootstrap, '--delete', '--topic', 'gone')
    const listed = await topics(cluster.bootstrap, '--list')
    assert.ok(listed.includes('tools') && !listed.includes('gone'), listed.join())
    const described = await topics(cluster.bootstrap, '--describe', '--topic', 'tools')
    says(described, /PartitionCount: 3\s+ReplicationFactor: 3/)
    assert.is(described.filter((line) => /Partition: \d\s+Leader: [123]/.test(line)).length, 3)
  })

  test('configurations of topics and brokers are altered and described', async () => {
    const topic = ['--entity-type', 'topics', '--entity-name', 'tools']
    await configs(
      '--alter',
      ...topic,
      '--add-config',
      'retention.ms=86400000,cleanup.policy=[compact,delete]',
    )
    const shown = await configs('--describe', ...topic)
    says(shown, /retention\.ms=86400000 .*DYNAMIC_TOPIC_CONFIG:retention\.ms=86400000/)
    says(shown, /cleanup\.policy=compact,delete/)
    await configs('--alter', ...topic, '--delete-config', 'retention.ms,cleanup.policy')
    assert.not.match((await configs('--describe', ...topic)).join('\n'), 'retention.ms=')

    const wrong = configs('--alter', ...topic, '--add-config', 'retention.ms=soon')
    assert.match(await refused(wrong), /Invalid value soon for configuration retention\.ms/)
    const brokers = ['--entity-type', 'brokers']
    await configs(
      '--alter',
      ...brokers,
      '--entity-default',
      '--add-config',
      'log.retention.ms=7200000',
    )
    await configs(
      '--alter',
      ...brokers,
      '--entity-name',
      '2',
      '--add-config',
      'log.cleaner.threads=2',
    )
    says(await configs('--describe', ...brokers, '--entity-default'), /log\.retention\.ms=7200000/)
    says(await configs('--describe', ...brokers, '--entity-name', '2'), /log\.cleaner\.threads=2/)
    const all = await configs('--describe', '--all', ...brokers, '--entity-name', '1')
    says(all, /log\.retention\.ms=7200000 .*DYNAMIC_DEFAULT_BROKER_CONFIG/)
    says(all, /node\.id=1 /)
  })

  test('groups are listed, described, reset and deleted', async () => {
    await kcatWrite(
      cluster.bootstrap,
      'tools',
      Array.from({ length: 300 }, (_, i) => `${i}`),
    )
    const consumed = await tool(
      'consumer.ConsoleConsumer',
      ...['--topic', 'tools', '--group', 'readers', '--from-beginning'],
      ...['--max-messages', '300', '--timeout-ms', '20000'],
    )
    assert.is(consumed.length, 300)
    says(await groups('--list', '--state'), /readers\s+\S*\s*Empty/)
    const described = await groups('--describe', '--group', 'readers')
    assert.is(
      described.filter((line) => /readers\s+tools\s+\d\s+\d+\s+\d+\s+0/.test(line)).length,
      3,
    )
    says(await groups('--describe', '--group', 'readers', '--state'), /readers .*Empty\s+0/)
    const to = ['--to-offset', '7', '--topic', 'tools:0', '--execute']
    says(await groups('--reset-offsets', '--group', 'readers', ...to), /readers\s+tools\s+0\s+7/)
    says(await groups('--describe', '--group', 'readers'), /readers\s+tools\s+0\s+7\s/)
    const offsets = ['--delete-offsets', '--group', 'readers', '--topic', 'tools:1']
    says(await groups(...offsets), /tools\s+1\s+Successful/)
    says(await groups('--delete', '--group', 'readers'), /Deletion of requested consumer groups/)
    assert.not((await groups('--list')).includes('readers'))
    says(await tool('GroupsCommand', '--list'), /GROUP\s+TYPE\s+PROTOCOL/)
  })

  test('the quorum and the cluster are described by brokers and by controllers', async () => {
    for (const ask of [tool, atControllers]) {
      const status = await ask('MetadataQuorumCommand', 'describe', '--status')
      says(status, /LeaderId:\s+[123]/)
      says(status, /CurrentVoters:.*"id": 1.*"id": 2.*"id": 3/)
      for (const address of cluster.controllers.split(',')) {
        says(status, new RegExp(`CONTROLLER://${address}`))
      }
      const replicas = await ask('MetadataQuorumCommand', 'describe', '--replication')
      assert.is(replicas.filter((line) => /^[123]\s.*\s(Leader|Follower)/.test(line)).length, 3)
    }
    for (const where of [
      ['--bootstrap-server', cluster.bootstrap],
      ['--bootstrap-controller', cluster.controllers],
    ]) {
      const id = await java(`${tools}.ClusterTool`, ['cluster-id', ...where]).catch(() =>
        java('org.apache.kafka.tools.ClusterTool', ['cluster-id', ...where]),
      )
      says(id, /Cluster ID: AAAAAAAAQACAAAAAAAAAAQ/)
      const endpoints = await java(`${tools}.ClusterTool`, ['list-endpoints', ...where])
      for (const id of [1, 2, 3]) says(endpoints, new RegExp(`^${id}\\s+127\\.0\\.0\\.1`))
    }
    says(
      await tool('FeatureCommand', 'describe'),
      /metadata\.version.*FinalizedVersionLevel: 4\.3-IV0/,
    )
    const features = await atControllers('FeatureCommand', 'describe')
    says(features, /metadata\.version.*FinalizedVersionLevel: 4\.3-IV0/)
    says(await tool('BrokerApiVersionsCommand'), /Produce\(0\): \d+ to 13/)
  })

  test('leaders are elected, replicas moved, records deleted, directories shown', async () => {
    await cluster.node(1).stop()
    cluster.node(1).start()
    await cluster.node(1).program!.line(/^ready/)
    await eventually(
      'every ISR is full',
      () => topics(cluster.bootstrap, '--describe', '--topic', 'tools'),
      (lines) => lines.filter((line) => /Isr: \d,\d,\d/.test(line)).length === 3,
    )
    const elected = await tool(
      'LeaderElectionCommand',
      ...['--election-type', 'preferred', '--all-topic-partitions'],
    )
    says(elected, /Successfully completed leader election|Valid replica already elected/)
    const described = await topics(cluster.bootstrap, '--describe', '--topic', 'tools')
    for (const line of described.filter((text) => text.includes('Partition:'))) {
      assert.match(line, /Leader: (\d)\s+Replicas: \1,/)
    }

    const moves = {
      version: 1,
      partitions: [{ topic: 'tools', partition: 0, replicas: [3, 2] }],
    }
    const file = jsonFile('moves.json', moves)
    const reassign = ['--reassignment-json-file', file]
    says(
      await tool('reassign.ReassignPartitionsCommand', ...reassign, '--execute'),
      /Successfully started partition reassignment/,
    )
    await eventually(
      'the reassignment is complete',
      () => tool('reassign.ReassignPartitionsCommand', ...reassign, '--verify'),
      (lines) => lines.some((line) => /Reassignment of partition tools-0 is completed/.test(line)),
    )
    const partition0 = (await topics(cluster.bootstrap, '--describe', '--topic', 'tools')).find(
      (line) => line.includes('Partition: 0'),
    )
    assert.match(partition0!, /Replicas: 3,2\s/)

    const below = jsonFile('below.json', {
      version: 1,
      partitions: [{ topic: 'tools', partition: 1, offset: 5 }],
    })
    says(
      await tool('DeleteRecordsCommand', '--offset-json-file', below),
      /partition: tools-1\s+low_watermark: 5/,
    )
    says(await tool('GetOffsetShell', '--topic', 'tools', '--time', '-2'), /^tools:1:5$/)
    const shown = await tool('LogDirsCommand', '--describe', '--topic-list', 'tools')
    const json = JSON.parse(shown.find((line) => line.startsWith('{'))!)
    assert.is(json.brokers.length, 3)
    for (const { logDirs } of json.brokers) assert.is(logDirs[0].error, null)
  })

  test('verifiable clients write and read; who asks for transactions is told that there are none', async () => {
    await topics(cluster.bootstrap, '--create', '--topic', 'verified', '--partitions', '2')
    const at = ['--bootstrap-server', cluster.bootstrap, '--topic', 'verified']
    const written = await java(`${tools}.VerifiableProducer`, [
      ...at,
      ...['--max-messages', '1000', '--acks', '-1', '--throughput', '-1'],
    ])
    says(written, /"name":"tool_data".*"acked":1000/)
    const read = await java(`${tools}.VerifiableConsumer`, [
      ...at,
      ...['--group-id', 'verifiers', '--max-messages', '1000', '--reset-policy', 'earliest'],
    ])
    says(read, /"name":"shutdown_complete"/)

    const listed = await refused(tool('TransactionsCommand', 'list'))
    assert.match(listed, /does not support LIST_TRANSACTIONS/)
  })

  test('Kafka’s dump tool reads every log and snapshot that the nodes wrote', async () => {
    const snapshots = (id: number) => {
      const folder = join(cluster.folder, `data-${id}`, '__cluster_metadata-0')
      const names = readdirSync(folder).filter((name) => name.endsWith('.checkpoint'))
      return names.sort().map((name) => join(folder, name))
    }
    await eventually(
      'a snapshot of the running cluster',
      async () => snapshots(2),
      (files) => files.some((file) => !file.includes(`${'0'.repeat(20)}-`)),
    )
    await Promise.all(cluster.nodes.map((node) => node.stop()))
    const decoded: string[] = []
    const plain: string[] = []
    for (const { id } of cluster.nodes) {
      const data = join(cluster.folder, `data-${id}`)
      for (const folder of readdirSync(data).filter((name) => /-\d+$/.test(name))) {
        const files = readdirSync(join(data, folder))
          .filter((name) => /\.(log|index|timeindex|snapshot)$/.test(name))
          .map((name) => join(data, folder, name))
        if (folder === '__cluster_metadata-0')
          decoded.push(...files.filter((name) => name.endsWith('.log')))
        else plain.push(...files)
      }
      decoded.push(snapshots(id).at(-1)!)
    }
    const dumpMetadata = await java(`${tools}.DumpLogSegments`, [
      '--cluster-metadata-decoder',
      '--files',
      decoded.join(','),
    ])
    says(dumpMetadata, /"type":"REGISTER_BROKER_RECORD"/)
    says(dumpMetadata, /"type":"REGISTER_CONTROLLER_RECORD"/)
    says(dumpMetadata, /"type":"PARTITION_RECORD"/)
    const dump = await java(`${tools}.DumpLogSegments`, [
      '--deep-iteration',
      '--files',
      plain.join(','),
    ])
    for (const line of [...dumpMetadata, ...dump]) {
      assert.not.match(
        line,
        /isvalid: false|Found|Mismatch|mismatch|corrupt|Could not|Error|Exception/,
      )
    }
    assert.ok(dump.filter((line) => /isvalid: true/.test(line)).length > 10)
  })
}

test.run()
