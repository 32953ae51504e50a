/** Ratios as bars, to a line at 1: how many times as much, or as little, as Kafka. */
import { BarChart } from 'echarts/charts'
import { GridComponent, MarkLineComponent, TitleComponent } from 'echarts/components'
import { init, use } from 'echarts/core'
import { SVGRenderer } from 'echarts/renderers'
import { type Row, short } from './table.ts'
import { figures } from './workloads/workload.ts'

use([BarChart, GridComponent, MarkLineComponent, TitleComponent, SVGRenderer])

const colours = { better: '#2a9d8f', worse: '#e76f51' }

/** An SVG document. */
export function plot(rows: readonly Row[]): string {
  const shown = rows.filter(({ figure }) => figure !== 'clientCpu').toReversed()
  const height = 80 + 22 * shown.length
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 900, height })
  chart.setOption({
    animation: false,
    title: { text: 'Samsa : Kafka (logarithmic)', textStyle: { fontSize: 14 } },
    grid: { left: 330, right: 70, top: 40, bottom: 30 },
    xAxis: { type: 'log', min: 0.01, max: 100 },
    yAxis: { type: 'category', data: shown.map(labelOf), axisLabel: { width: 310 } },
    series: [
      {
        type: 'bar',
        data: shown.map((row) => ({
          value: row.ratio.ratio,
          itemStyle: { color: isBetter(row) ? colours.better : colours.worse },
          label: { show: true, position: 'right', formatter: short(row.ratio.ratio) },
        })),
        markLine: { symbol: 'none', data: [{ xAxis: 1 }], label: { show: false } },
      },
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

const labelOf = ({ workload, figure }: Row) => `${workload}: ${figures[figure]?.title ?? figure}`

const isBetter = ({ figure, ratio }: Row) =>
  figures[figure]?.isBetterHigher ? ratio.ratio >= 1 : ratio.ratio <= 1
