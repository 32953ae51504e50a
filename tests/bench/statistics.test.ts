/** How pairs become ratios, rows and a report. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Comparison } from './compare.ts'
import { cpuSeconds, peakMb, residentMb } from './gauge.ts'
import { type Part, writeReport } from './report.ts'
import { median, ratioOf } from './statistics.ts'
import { markdownTable, rowsOf } from './table.ts'
import { produceWorkloads } from './workloads/produce.ts'

const workload = produceWorkloads.find(({ name }) => name === 'produce-100')!

const comparison: Comparison = {
  workload: workload.name,
  title: workload.title,
  form: 'embedded',
  heat: 'warm',
  theirs: [
    { throughput: 100, cpu: 4 },
    { throughput: 120, cpu: 5 },
    { throughput: 110, cpu: 6 },
  ],
  ours: [
    { throughput: 200, cpu: 2 },
    { throughput: 300, cpu: 2 },
    { throughput: 275, cpu: 3 },
  ],
}

test('a median is the middle, or the mean of both middles', () => {
  assert.is(median([3, 1, 2]), 2)
  assert.is(median([4, 1, 2, 3]), 2.5)
})

test('a ratio is of medians, its bounds are of pairs', () => {
  assert.equal(ratioOf([200, 300, 275], [100, 120, 110]), { ratio: 2.5, min: 2, max: 2.5 })
})

test('throughput is to be at least the aim, everything else at most', () => {
  const [throughput, cpu] = rowsOf(comparison, workload)
  assert.is(throughput!.aim, 2)
  assert.ok(throughput!.isMet)
  assert.is(cpu!.aim, 0.3)
  assert.not.ok(cpu!.isMet)
})

test('the report holds a table and a plot for each form and heat, of several runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'samsa-report-'))
  const rows = rowsOf(comparison, workload)
  const machine = { cpu: 'x', cores: 2, memoryGb: 8, system: 's', node: 'n', java: 'j', nats: 't' }
  const fences = { ours: { wanted: 1, false: 0 }, theirs: { wanted: 2, false: 0 } }
  const at = '2000-01-01T00:00:00Z'
  const part: Part = {
    ...{ workload: workload.name, form: 'embedded', heat: 'warm', at, scale: 1, fences, rows },
  }
  writeFileSync(join(folder, 'reasons.json'), '{ "produce-100: cpu": "the reason" }')
  writeReport(folder, machine, part)
  const text = readFileSync(join(folder, 'README.md'), 'utf8')
  assert.ok(text.includes(markdownTable(rows)), text)
  assert.ok(text.includes('(embedded-warm.svg)'), text)
  assert.ok(text.includes('Samsa 0, Kafka 0'), text)
  assert.match(text, /\| produce-100 \| embedded warm \| CPU \| 0.4 \| ≤ 0.3 \| the reason \|/)
  const svg = readFileSync(join(folder, 'embedded-warm.svg'), 'utf8')
  assert.ok(svg.startsWith('<svg') && svg.includes('produce-100: throughput'), svg.slice(0, 200))

  const others = rowsOf({ ...comparison, form: 'processes' }, workload)
  writeReport(folder, machine, { ...part, form: 'processes', rows: others })
  const both = readFileSync(join(folder, 'README.md'), 'utf8')
  for (const table of [rows, others]) assert.ok(both.includes(markdownTable(table)), both)
  const late = { ...part, workload: 'rest', heat: 'own', at: '2000-01-03T00:00:00Z' }
  writeReport(folder, machine, { ...late, fences: { ...fences, ours: fences.theirs } })
  const more = readFileSync(join(folder, 'README.md'), 'utf8')
  assert.ok(more.includes('Embedded: 2000-01-01 to 2000-01-03'), more)
  assert.ok(more.includes('fenced: 3 and 4'), more)
  writeReport(folder, machine, { ...part, scale: 0.5, rows: [] })
  const anew = readFileSync(join(folder, 'README.md'), 'utf8')
  assert.not(anew.includes(markdownTable(rows)), 'rows of another size are gone')
  rmSync(folder, { recursive: true })
})

test('processes are measured, and those that ended count nothing', () => {
  const end = Date.now() + 50
  while (Date.now() < end);
  assert.ok(cpuSeconds([process.pid]) >= 0.04)
  assert.ok(residentMb([process.pid]) > 10)
  assert.ok(peakMb([process.pid]) >= residentMb([process.pid]) - 1)
  assert.is(cpuSeconds([0x7fff_ffff]), 0)
})

test.run()
