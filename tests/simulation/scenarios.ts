/** The named scenarios, by their names: a file each below `scenarios/`. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseScript } from './script.ts'
import { play, type Result } from './simulate.ts'
import { enact, type Scenario } from './stage.ts'
import type { TraceEvent } from './trace.ts'

const folder = new URL('./scenarios/', import.meta.url)

export const scenarioNames = (): string[] =>
  readdirSync(fileURLToPath(folder))
    .map((file) => file.replace(/\.(ts|json)$/, ''))
    .sort()

/** One that was written by hand, or one that `--shrink` wrote: that one just must not fail. */
export async function playScenario(
  name: string,
  onTrace?: (event: TraceEvent) => void,
): Promise<Result> {
  const files = readdirSync(fileURLToPath(folder))
  if (files.includes(`${name}.json`)) {
    return play(parseScript(readFileSync(new URL(`${name}.json`, folder), 'utf8')), onTrace)
  }
  const { scenario } = (await import(new URL(`${name}.ts`, folder).href)) as { scenario: Scenario }
  return enact(scenario, onTrace)
}
