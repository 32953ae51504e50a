/** The named scenarios, by their names: a file each below `scenarios/`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
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

const isScript = (name: string): boolean => existsSync(new URL(`${name}.json`, folder))

/** A module that plays these, one after the other, and prints of each what became of it. */
export function scenariosEntry(names: readonly string[]): string {
  const imported = (name: string, index: number) =>
    isScript(name)
      ? `import script${index} from './scenarios/${name}.json'`
      : `import { scenario as scenario${index} } from './scenarios/${name}.ts'`
  const played = (name: string, index: number) =>
    isScript(name)
      ? `tellTried(await play(parseScript(JSON.stringify(script${index}))))`
      : `tellTried(await enact(scenario${index}))`
  return [
    `import { parseScript } from './script.ts'`,
    `import { play } from './simulate.ts'`,
    `import { enact } from './stage.ts'`,
    `import { tellTried } from './tried.ts'`,
    ...names.map(imported),
    ...names.map(played),
    'process.exit()',
  ].join('\n')
}

/** One that was written by hand, or one that `--shrink` wrote: that one just must not fail. */
export async function playScenario(
  name: string,
  onTrace?: (event: TraceEvent) => void,
): Promise<Result> {
  if (isScript(name)) {
    return play(parseScript(readFileSync(new URL(`${name}.json`, folder), 'utf8')), onTrace)
  }
  const { scenario } = (await import(new URL(`${name}.ts`, folder).href)) as { scenario: Scenario }
  return enact(scenario, onTrace)
}
