/** `npm run bench` runs against a real Kafka, and what it prints can be read. No times are asserted. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Comparison } from '../bench/compare.ts'
import type { BothFences } from '../bench/table.ts'
import { skipUnless } from '../support/peers.ts'
import { root, run } from './support/processes.ts'

if (skipUnless('java', 'kafka-jars', 'go')) {
  const test = suite('The benchmark')
  const bench = (...args: string[]) =>
    run(process.execPath, ['--import', 'tsx/esm', join(root, 'tests/bench/run.ts'), ...args], {
      timeoutMs: 400_000,
    })

  test('compares a cold Kafka with three embedded nodes, and writes a report', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'samsa-report-'))
    const work = ['--workload', 'produce-100', 'start-fresh', '--heat', 'cold']
    const size = ['--embedded', '--scale', '0.01', '--pairs', '1']
    const lines = await bench(...work, ...size, '--json', '--report', folder)
    const { fences } = JSON.parse(lines.pop()!) as { fences: BothFences }
    assert.equal([fences.ours.false, fences.theirs.false], [0, 0])
    const comparisons = lines.map((line) => JSON.parse(line) as Comparison)
    assert.equal(
      comparisons.map(({ workload, heat }) => `${workload} ${heat}`),
      ['produce-100 cold', 'start-fresh own'],
    )
    for (const { ours, theirs } of comparisons) {
      assert.is(ours.length, 1)
      assert.equal(Object.keys(ours[0]!), Object.keys(theirs[0]!))
      for (const value of Object.values({ ...ours[0], ...theirs[0] })) assert.ok(value >= 0)
    }
    assert.equal(readdirSync(folder).sort(), [
      'README.md',
      'embedded-cold.svg',
      'embedded-warm.svg',
      'figures.json',
    ])
    rmSync(folder, { recursive: true })
  })

  test('a workload that does not exist is refused in one line', async () => {
    const refusal = await bench('--workload', 'nothing').catch((why: Error) => why.message)
    assert.match(String(refusal), /no workload nothing: npm run bench -- --help lists them/)
  })

  test.run()
}
