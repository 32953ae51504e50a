/**
 * The report that the repository keeps: one Markdown file, a plot for each form and heat, and all
 * figures. Each comparison is added as it is made, to those of the same machine and size.
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
import { workloads } from './workloads/catalogue.ts'

/** One comparison, with what was fenced meanwhile. */
export type Part = {
  workload: string
  form: Form
  heat: string
  at: string
  scale: number
  fences: BothFences
  rows: Row[]
}

export type Report = { machine: Machine; parts: Part[] }

export function writeReport(folder: string, machine: Machine, measured: Part): void {
  mkdirSync(folder, { recursive: true })
  const report = added(reportIn(folder), machine, measured)
  const { parts } = report
  const rows = parts.flatMap((part) => part.rows)
  for (const name of readdirSync(folder)) if (name.endsWith('.svg')) rmSync(join(folder, name))
  const groups = Object.keys(headings).filter((group) => rows.some((row) => groupOf(row) === group))
  const sections = groups.map((group) => {
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
    ...(['embedded', 'processes'] as const)
      .map((form) => parts.filter((part) => part.form === form))
      .filter(({ length }) => length > 0)
      .map((of) => `${runsLine(of)}\n`),
    `## Where Samsa is behind its aim\n\n${behind(rows, reasonsIn(folder))}\n`,
    ...sections,
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

/** What was measured on another machine, or of another size, is not beside it. */
function added(before: Report | undefined, machine: Machine, measured: Part): Report {
  const isSame = JSON.stringify(before?.machine) === JSON.stringify(machine)
  const kept = (isSame ? before!.parts : []).filter(
    (part) => part.scale === measured.scale && keyOf(part) !== keyOf(measured),
  )
  const order = new Map(workloads.map(({ name }, index) => [name, index]))
  const parts = [...kept, measured].sort((a, b) => order.get(a.workload)! - order.get(b.workload)!)
  return { machine, parts }
}

const keyOf = ({ workload, form, heat }: Part) => `${workload} ${form} ${heat}`

const groupOf = ({ form, heat }: Row): string => `${form} ${heat === 'own' ? 'warm' : heat}`

const headings: Record<string, string> = {
  'embedded warm': 'Three nodes in one process, beside a warm Kafka',
  'embedded cold': 'Three nodes in one process, beside a Kafka in its first minute',
  'processes warm': 'A process a node over NATS, beside a warm Kafka',
  'processes cold': 'A process a node over NATS, beside a Kafka in its first minute',
}

const forms: Record<Form, string> = { embedded: 'Embedded', processes: 'Processes' }

function runsLine(parts: readonly Part[]): string {
  const [{ form, scale }] = parts as [Part]
  const days = parts.map(({ at }) => at.slice(0, 10)).sort()
  const [first, last] = [days[0], days.at(-1)]
  const fences = { ours: { wanted: 0, false: 0 }, theirs: { wanted: 0, false: 0 } }
  for (const part of parts) {
    for (const side of ['ours', 'theirs'] as const) {
      fences[side].wanted += part.fences[side].wanted
      fences[side].false += part.fences[side].false
    }
  }
  const size = scale === 1 ? '' : `, at ${scale} of its size`
  const when = first === last ? first : `${first} to ${last}`
  return `${forms[form]}: ${when}, alternating pairs${size}. ${fencesLine(fences)}`
}

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
