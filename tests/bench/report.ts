/** The report that the repository keeps: one Markdown file, a plot for each form and heat. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Machine } from './machine.ts'
import { plot } from './plot.ts'
import { type BothFences, fencesLine, markdownTable, type Row } from './table.ts'

export type Report = {
  machine: Machine
  at: string
  pairs: number
  scale: number
  rows: Row[]
  fences: BothFences
}

export function writeReport(folder: string, report: Report): void {
  const { machine, at, pairs, scale, rows, fences } = report
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) if (name.endsWith('.svg')) rmSync(join(folder, name))
  const groups = [...new Set(rows.map(groupOf))]
  const parts = groups.map((group) => {
    const members = rows.filter((row) => groupOf(row) === group)
    const image = `${group.replaceAll(' ', '-')}.svg`
    writeFileSync(join(folder, image), plot(members))
    return `## ${headings[group] ?? group}\n\n![ratios](${image})\n\n${markdownTable(members)}\n`
  })
  const text = [
    '# Samsa beside Apache Kafka 4.3.0\n',
    `Written by \`npm run bench\` on ${at.slice(0, 10)}: ${pairs} alternating pairs a workload` +
      `${scale === 1 ? '' : `, at ${scale} of its size`}. Ratios are of medians, Samsa to Kafka; their ` +
      'bounds are those of single pairs.\n',
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}; ` +
      `Node ${machine.node}; ${machine.java}; ${machine.nats}.\n`,
    notes,
    `${fencesLine(fences)}\n`,
    ...parts,
  ].join('\n')
  writeFileSync(join(folder, 'README.md'), text)
  writeFileSync(join(folder, 'figures.json'), `${JSON.stringify(report, null, 2)}\n`)
}

const groupOf = ({ form, heat }: Row): string => `${form} ${heat === 'own' ? 'warm' : heat}`

const headings: Record<string, string> = {
  'embedded warm': 'Three nodes in one process, beside a warm Kafka',
  'embedded cold': 'Three nodes in one process, beside a Kafka in its first minute',
  'processes warm': 'A process a node over NATS, beside a warm Kafka',
  'processes cold': 'A process a node over NATS, beside a Kafka in its first minute',
}

const notes = `Kafka runs as three JVMs with the options of its start script (1 GB heap, G1) and logs errors only.
Both have replication factor 3, min.insync.replicas 2, acks=all, no fsync of partition data (Kafka's
default), and the same client, franz-go. CPU and memory are of all server processes, the NATS server
included. The failover rows compare Samsa's probe with Kafka's timeouts, both at their defaults.
`
