/**
 * What the walks of all charts have covered, in one table: suites say it in lines that begin with CHART,
 * and, for what is not walked or is told inside, with EXCEPT and INSIDE.
 */
import Table from 'cli-table3'

export type ChartCoverage = {
  name: string
  states: string
  transitions: string
  guards: string
  /** Steps that differ by the state they begin in, or by how guards answer. */
  steps: string
  paths: number
  walked: number
}

/** Why something is not walked, or is told where nothing outside tells it; one reason for many. */
export type Named = { kind: 'EXCEPT' | 'INSIDE'; chart: string; what: string; why: string }

const separator = ' | '

export const chartLine = (of: ChartCoverage): string =>
  ['CHART', of.name, of.states, of.transitions, of.guards, of.steps, of.paths, of.walked].join(
    separator,
  )

export const namedLine = ({ kind, chart, what, why }: Named): string =>
  [kind, chart, what, why].join(separator)

export const toldOfCharts = (output: string): string[] =>
  [...output.matchAll(/^.*?((?:CHART|EXCEPT|INSIDE) \| .+)$/gm)].map(([, line]) => line!)

/** @param lines as suites said them */
export function chartsTable(lines: string[]): string {
  const rows = lines.map((line) => line.split(separator))
  const table = new Table({
    head: [
      'chart',
      'states',
      'transitions',
      'guards both ways',
      'in every state',
      'paths',
      'steps',
    ],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  const charts = rows.filter(([kind]) => kind === 'CHART').map(([, ...cells]) => cells)
  for (const cells of charts.sort(([a], [b]) => a!.localeCompare(b!))) table.push(cells)
  const reasons = new Map<string, string[]>()
  for (const [kind, chart, what, why] of rows) {
    if (kind === 'CHART') continue
    const verb = kind === 'EXCEPT' ? 'not walked' : 'told inside'
    const reason = `${chart}, ${verb}, since ${why}`
    reasons.set(reason, [...(reasons.get(reason) ?? []), what!])
  }
  const named = [...reasons].map(([reason, what]) => `  ${reason}: ${what.join(', ')}`).sort()
  return [table.toString(), ...named].join('\n')
}
