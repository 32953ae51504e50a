/**
 * The report that the repository keeps: one Markdown file, a plot for each form and heat, and all
 * figures. Runs of one form, or of some workloads, on the same machine add up to one report.
 *
 * Why something is behind its aim is written by who profiled it, into `reasons.json` beside it:
 * `{ "workload: figure": "sentence" }`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { plot } from './plot.ts'
import type { Form } from './systems/system.ts'
import { type BothFences, behindTable, fencesLine, markdownTable, type Row } from './table.ts'

export type Run = { at: string; pairs: number; scale: number; fences: BothFences }

export type Report = { machine: Machine; runs: Partial<Record<Form, Run>>; rows: Row[] }

export type Measured = { machine: Machine; form: Form; run: Run; rows: Row[] }

export function writeReport(folder: string, measured: Measured): void {
  mkdirSync(folder, { recursive: true })
  const report = added(reportIn(folder), measured)
  const { machine, runs, rows } = report
  for (const name of readdirSync(folder)) if (name.endsWith('.svg')) rmSync(join(folder, name))
  const groups = Object.keys(headings).filter((group) => rows.some((row) => groupOf(row) === group))
  const parts = groups.map((group) => {
    const members = rows.filter((row) => groupOf(row) === group)
    const image = `${group.replaceAll(' ', '-')}.svg`
    writeFileSync(join(folder, image), plot(members))
    return `## ${headings[group]}\n\n![ratios](${image})\n\n${markdownTable(members)}\n`
  })
  const text = [
    '# Samsa beside Apache Kafka 4.3.0\n',
    'Written by `npm run bench -- --report`. Ratios are of medians, Samsa to Kafka; their bounds are ' +
      'those of single pairs.\n',
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}; ` +
      `Node ${machine.node}; ${machine.java}; ${machine.nats}.\n`,
    notes,
    ...Object.entries(runs).map(([form, run]) => `${runLine(form, run)}\n`),
    `## Where Samsa is behind its aim\n\n${behind(rows, reasonsIn(folder))}\n`,
    ...parts,
  ].join('\n')
  writeFileSync(join(folder, 'README.md'), text)
  writeFileSync(join(folder, figuresFile), `${JSON.stringify(report, null, 2)}\n`)
}

const figuresFile = 'figures.json'

function reportIn(folder: string): Report | undefined {
  const file = join(folder, figuresFile)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined
}

function reasonsIn(folder: string): Record<string, string> {
  const file = join(folder, 'reasons.json')
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {}
}

/** What was measured otherwise, or elsewhere, is not beside it. */
function added(before: Report | undefined, { machine, form, run, rows }: Measured): Report {
  const known = JSON.stringify(before?.machine) === JSON.stringify(machine) ? before : undefined
  const last = known?.runs[form]
  const isAlike = last?.pairs === run.pairs && last.scale === run.scale
  const fresh = new Set(rows.map(keyOf))
  const kept = (known?.rows ?? []).filter(
    (row) => !fresh.has(keyOf(row)) && (row.form !== form || isAlike),
  )
  return { machine, runs: { ...known?.runs, [form]: run }, rows: [...kept, ...rows] }
}

const keyOf = ({ workload, form, heat, figure }: Row) => `${workload} ${form} ${heat} ${figure}`

const groupOf = ({ form, heat }: Row): string => `${form} ${heat === 'own' ? 'warm' : heat}`

const headings: Record<string, string> = {
  'embedded warm': 'Three nodes in one process, beside a warm Kafka',
  'embedded cold': 'Three nodes in one process, beside a Kafka in its first minute',
  'processes warm': 'A process a node over NATS, beside a warm Kafka',
  'processes cold': 'A process a node over NATS, beside a Kafka in its first minute',
}

const runLine = (form: string, { at, pairs, scale, fences }: Run): string =>
  `${form === 'embedded' ? 'Embedded' : 'Processes'}: ${at.slice(0, 10)}, ${pairs} alternating pairs ` +
  `a workload${scale === 1 ? '' : `, at ${scale} of its size`}. ${fencesLine(fences)}`

function behind(rows: readonly Row[], reasons: Record<string, string>): string {
  const late = rows.filter(({ isMet }) => isMet === false)
  return late.length === 0 ? 'Nowhere.' : behindTable(late, reasons)
}

const notes = `Kafka runs as three JVMs with the options of its start script (1 GB heap, G1) and logs errors only.
Both have replication factor 3, min.insync.replicas 2, acks=all, no fsync of partition data (Kafka's
default) but where a row says so, and the same client, franz-go, but where a row names another. CPU
and memory are of all server processes, the NATS server included. The failover rows compare Samsa's
probe with Kafka's timeouts, both at their defaults. At rest the active controller of either appends
and syncs a no-op every 500 ms (metadata.max.idle.interval.ms).
`
