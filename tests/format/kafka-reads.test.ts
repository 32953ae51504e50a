/** Kafka's own tools read what our formatting writes. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeConfig } from '../../runtime/config/config.ts'
import { readProperties } from '../../runtime/config/properties.ts'
import { checkFormatted } from '../../runtime/format/check-formatted.ts'
import { VOTERS_CHECKPOINT } from '../../runtime/format/checkpoints.ts'
import { formatNodes } from '../../runtime/format/format.ts'
import { kafkaLibs, skipUnless } from '../support/peers.ts'

const test = suite('Kafka reads our formatting')

const folder = mkdtempSync(join(tmpdir(), 'samsa-format-'))
test.after(() => rmSync(folder, { recursive: true }))

function java(...args: string[]): string {
  const { stdout, stderr, status } = spawnSync('java', ['-cp', `${kafkaLibs}/*`, ...args], {
    encoding: 'utf8',
  })
  assert.is(status, 0, stderr)
  return stdout
}

function propertyFile(id: number): string {
  const file = join(folder, `${id}.properties`)
  const lines = [
    'process.roles=broker,controller',
    `node.id=${id}`,
    `listeners=PLAINTEXT://127.0.0.1:${9000 + id},CONTROLLER://127.0.0.1:${19000 + id}`,
    'controller.listener.names=CONTROLLER',
    'controller.quorum.bootstrap.servers=127.0.0.1:19001',
    `log.dirs=${join(folder, `${id}`)}`,
  ]
  writeFileSync(file, lines.join('\n'))
  return file
}

const dump = (path: string) =>
  java('org.apache.kafka.tools.DumpLogSegments', '--cluster-metadata-decoder', '--files', path)

if (skipUnless('java', 'kafka-jars')) {
  test('meta.properties, the bootstrap records and the voters', () => {
    const files = [1, 2].map(propertyFile)
    const [first, second] = files.map((file) => nodeConfig(readProperties(file)))
    const { clusterId } = formatNodes([first!, second!], {}, Date.now())
    const { bootstrapPath, metadataPath, metadataDirectoryId } = checkFormatted(first!)

    const info = java('kafka.tools.StorageTool', 'info', '-c', files[0]!)
    assert.match(info, `cluster.id=${clusterId}, directory.id=${metadataDirectoryId}, node.id=1`)

    const bootstrap = dump(bootstrapPath)
    assert.match(bootstrap, '"name":"metadata.version","featureLevel":30')
    assert.not.match(bootstrap, 'isvalid: false')

    const voters = dump(join(metadataPath, VOTERS_CHECKPOINT))
    assert.match(voters, 'Snapshot end offset: 0, epoch: 0')
    assert.match(voters, '"kRaftVersion":1')
    assert.match(voters, `"voterId":1,"voterDirectoryId":"${metadataDirectoryId}"`)
    assert.match(voters, '"voterId":2')
    assert.match(voters, '{"name":"CONTROLLER","host":"127.0.0.1","port":19002}')
    assert.not.match(voters, 'isvalid: false')
  })
}

test.run()
