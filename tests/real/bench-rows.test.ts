/**
 * Rows of the benchmark of each kind run on both sides and yield their figures; `ROWS=all`: all kinds of
 * rows. They are tiny here, and no times are asserted.
 */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Comparison } from '../bench/compare.ts'
import type { BothFences } from '../bench/table.ts'
import { skipUnless } from '../support/peers.ts'
import { root, run } from './support/processes.ts'

async function compared(names: string[], ...args: string[]): Promise<Record<string, string[]>> {
  const size = ['--heat', 'warm', '--shared', '--scale', '0.01', '--pairs', '1', '--json']
  const lines = await run(
    process.execPath,
    ['--import', 'tsx/esm', 'tests/bench/run.ts', '--workload', ...names, ...size, ...args],
    { cwd: root, timeoutMs: 580_000 },
  )
  const { fences } = JSON.parse(lines.pop()!) as { fences: BothFences }
  assert.is(fences.ours.false, 0)
  const found = lines.map((line) => {
    const { workload, ours, theirs } = JSON.parse(line) as Comparison
    assert.is(ours.length, 1)
    assert.equal(Object.keys(ours[0]!), Object.keys(theirs[0]!))
    for (const value of Object.values({ ...ours[0], ...theirs[0] })) assert.ok(value >= 0)
    return [workload, Object.keys(ours[0]!)] as const
  })
  return Object.fromEntries(found)
}

if (skipUnless('java', 'kafka-jars', 'go', 'nats-server')) {
  const test = suite('The rows of the benchmark')
  const fast = ['throughput', 'cpu', 'p50', 'p99', 'p999', 'peak', 'clientCpu']
  const paced = ['p50', 'p99', 'p999', 'cpu', 'clientCpu']
  const isAll = process.env['ROWS'] === 'all'
  const read = ['throughput', 'cpu', 'peak', 'clientCpu']

  const others: Record<string, string[]> = {
    'produce-1k-zstd': fast,
    'produce-1000-partitions': fast,
    'end-to-end': paced,
    'kill-controller': ['gap'],
    'start-2gb': ['time'],
    rest: ['memory', 'load'],
    'npm-test': ['time'],
    'java-produce': ['throughput', 'p50', 'p99', 'p999', 'cpu', 'peak', 'clientCpu'],
    'java-consume': read,
  }

  test('embedded', async () => {
    const rows: Record<string, string[]> = {
      'produce-100-fsync': fast,
      'rate-4000': paced,
      'consume-6': read,
      'mixed-memory': ['memory', 'growth', 'peak', 'minutes'],
      'topic-1000': ['create', 'delete', 'cpuSeconds'],
      'kill-leader': ['gap'],
      'java-end-to-end': paced,
      ...(isAll ? others : {}),
    }
    // Only root may empty the page cache.
    if (isAll && process.getuid?.() === 0) rows['consume-disk'] = read
    assert.equal(await compared(Object.keys(rows), '--embedded'), rows)
  })

  test('over NATS', async () => {
    const raft = ['throughput', 'p75', 'p99', 'p999', 'cores']
    assert.equal(await compared(['raft']), { raft })
  })

  test.run()
}
