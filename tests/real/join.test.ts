/** A broker that is formatted alone knows no voter: it finds the quorum by Kafka's bootstrap servers. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { skipUnless } from '../support/peers.ts'
import { freePorts } from '../support/ports.ts'
import { combined, startProcesses } from './support/clusters.ts'
import { root, run, start } from './support/processes.ts'
import { realSuite } from './support/real-suite.ts'

const test = realSuite('a broker joins')
const samsa = ['--import', 'tsx/esm', join(root, 'runtime/cli/samsa.ts')]

if (skipUnless('nats-server')) {
  test('a broker formatted by itself becomes part of a cluster that runs', async () => {
    const cluster = await startProcesses(combined(1), { 'offsets.topic.replication.factor': '1' })
    const [port] = await freePorts(1)
    const file = join(cluster.folder, '9.properties')
    const text = readFileSync(cluster.node(1).file, 'utf8')
      .replace('process.roles=broker,controller', 'process.roles=broker')
      .replace('node.id=1', 'node.id=9')
      .replace(/^listeners=.*$/m, `listeners=PLAINTEXT://127.0.0.1:${port}`)
      .replace(/data-1$/m, 'data-9')
    writeFileSync(file, text)
    try {
      await run(process.execPath, [
        ...samsa,
        ...['format', '-t', 'AAAAAAAAQACAAAAAAAAAAQ', '-c', file],
      ])
      const joiner = start(process.execPath, [...samsa, 'node', file])
      const ready = await joiner.line(/^ready/)
      assert.match(ready, `PLAINTEXT://127.0.0.1:${port}`)
      await joiner.stop()
    } finally {
      await cluster.close()
    }
  })
}

test.run()
