/** `samsa raft-perf` elects, commits, measures and cleans up, in one process and in three. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createLatencies } from '../../runtime/raft-perf/latencies.ts'
import { start } from '../real/support/processes.ts'
import { skipUnless } from '../support/peers.ts'
import { freePorts } from '../support/ports.ts'

const test = suite('samsa raft-perf')
const folder = mkdtempSync(join(tmpdir(), 'samsa-raft-perf-'))
test.after(() => rmSync(folder, { recursive: true }))

const small = ['--record-size', '100', '--throughput', '500', '--seconds', '1', '--warm-up', '0']

async function raftPerf(...args: string[]): Promise<string> {
  const program = start(process.execPath, [
    ...['--import', 'tsx/esm', 'runtime/cli/samsa.ts', 'raft-perf'],
    ...[...small, '--data', folder, ...args],
  ])
  assert.is(await program.exited, 0, program.errors.join('\n'))
  assert.equal(readdirSync(folder), [], 'nothing is left behind')
  return program.lines.join('\n')
}

function checkMeasured(output: string, form: string): void {
  const [warming, measuring, measured] = output.split('\n').map((line) => JSON.parse(line))
  assert.is(warming.event, 'warming')
  assert.is(measuring.event, 'measuring')
  assert.is(measured.form, form)
  assert.is(measured.lingerMs, 5)
  assert.ok(measured.records > 0)
  assert.ok(measured.recordsPerSecond > 0)
  assert.ok(measured.p50 > 0 && measured.p50 <= measured.p99 && measured.p99 <= measured.p999)
}

test('three voters of one process commit what their leader appends', async () => {
  checkMeasured(await raftPerf('--linger', '5', '--json'), 'one process')
})

test('a table for people names the linger and the figures', async () => {
  const output = await raftPerf('--linger', '25', '--throughput', '0')
  for (const word of ['append linger', '25 ms', 'committed', 'p50', 'p99']) {
    assert.ok(output.includes(word), output)
  }
})

if (skipUnless('nats-server')) {
  test('three processes do the same over a NATS server', async () => {
    const [port] = await freePorts(1)
    const nats = start('nats-server', ['-a', '127.0.0.1', '-p', String(port)])
    const output = await raftPerf('--linger', '5', '--json', '--nats', `127.0.0.1:${port}`)
    await nats.stop()
    checkMeasured(output, 'three processes')
    assert.is(new Set(JSON.parse(output.split('\n')[0]!).pids).size, 3)
  })
}

test('percentiles are of everything that was added', () => {
  const latencies = createLatencies()
  assert.is(latencies.at(0.99), 0)
  for (let ms = 1; ms <= 100; ms++) latencies.add(ms)
  assert.is(latencies.at(0.5), 50)
  assert.is(latencies.at(0.99), 99)
  assert.is(latencies.at(1), 100)
  latencies.clear()
  latencies.add(1e9)
  assert.is(latencies.at(0.5), 20_000)
})

test.run()
