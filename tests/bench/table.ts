/** Comparisons as rows: medians, the ratio with its bounds, the aim, and whether it is met. */
import Table from 'cli-table3'
import pc from 'picocolors'
import type { Comparison } from './compare.ts'
import type { Fences } from './fences.ts'
import { median, type Ratio, ratioOf } from './statistics.ts'
import type { Form } from './systems/system.ts'
import { figures, type Workload } from './workloads/workload.ts'

export type Row = {
  workload: string
  title: string
  form: Form
  heat: string
  figure: string
  pairs: number
  theirs: number
  ours: number
  ratio: Ratio
  aim?: number
  isMet?: boolean
}

/** Of workloads that start clusters themselves the aims stand beside warm Kafka's. */
export function rowsOf(comparison: Comparison, { aims }: Workload): Row[] {
  const { workload, title, form, heat, ours, theirs } = comparison
  const wanted = aims[`${form} ${heat === 'own' ? 'warm' : heat}` as keyof typeof aims] ?? {}
  return Object.keys(ours[0] ?? {}).map((figure) => {
    const of = (side: Comparison['ours']) => side.map((measures) => measures[figure]!)
    const ratio = ratioOf(of(ours), of(theirs))
    const aim = wanted[figure]
    const isHigher = figures[figure]?.isBetterHigher === true
    return {
      ...{ workload, title, form, heat, figure, pairs: ours.length },
      theirs: median(of(theirs)),
      ours: median(of(ours)),
      ratio,
      ...(aim === undefined
        ? {}
        : { aim, isMet: isHigher ? ratio.ratio >= aim : ratio.ratio <= aim }),
    }
  })
}

const head = ['workload', '', 'figure', 'Kafka', 'Samsa', 'pairs', 'ratio (min – max)', 'aim']
const ratioColumn = head.indexOf('ratio (min – max)')

const cells = (row: Row): string[] => [
  row.workload,
  [row.form, row.heat === 'own' ? '' : row.heat].join(' ').trim(),
  `${figures[row.figure]?.title ?? row.figure}, ${figures[row.figure]?.unit ?? ''}`,
  short(row.theirs),
  short(row.ours),
  String(row.pairs),
  `${short(row.ratio.ratio)} (${short(row.ratio.min)} – ${short(row.ratio.max)})`,
  row.aim === undefined ? '' : `${aimSign(row.figure)} ${row.aim}`,
]

const aimSign = (figure: string) => (figures[figure]?.isBetterHigher ? '≥' : '≤')

/** Between rows. */
const noLines = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

export function terminalTable(rows: readonly Row[]): string {
  const table = new Table({ head, style: { head: ['bold'], border: ['grey'] }, chars: noLines })
  for (const row of rows) {
    const colour = row.isMet === undefined ? pc.reset : row.isMet ? pc.green : pc.yellow
    table.push(cells(row).map((cell, index) => (index >= ratioColumn ? colour(cell) : cell)))
  }
  return table.toString()
}

export function markdownTable(rows: readonly Row[]): string {
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`
  const verdict = ({ isMet }: Row) => (isMet === undefined ? '' : isMet ? ' ✓' : ' ✗')
  return [
    line(head),
    line(head.map(() => '---')),
    ...rows.map((row) => `${line(cells(row)).slice(0, -2)}${verdict(row)} |`),
  ].join('\n')
}

export function behindTable(rows: readonly Row[], reasons: Record<string, string>): string {
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`
  const columns = ['workload', '', 'figure', 'ratio', 'aim', 'why']
  const titleOf = (figure: string) => figures[figure]?.title ?? figure
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) =>
      line([
        row.workload,
        [row.form, row.heat === 'own' ? '' : row.heat].join(' ').trim(),
        titleOf(row.figure),
        short(row.ratio.ratio),
        `${aimSign(row.figure)} ${row.aim}`,
        reasons[`${row.workload}: ${row.figure}`] ?? 'not profiled yet',
      ]),
    ),
  ].join('\n')
}

export type BothFences = Record<'ours' | 'theirs', Fences>

/** A false one is of a broker that nobody had ended. */
export const fencesLine = ({ ours, theirs }: BothFences): string =>
  `False fences in all runs: Samsa ${ours.false}, Kafka ${theirs.false} ` +
  `(brokers that had been ended and were fenced: ${ours.wanted} and ${theirs.wanted}).`

export const short = (value: number): string =>
  value >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
